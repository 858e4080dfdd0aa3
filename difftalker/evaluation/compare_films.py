"""Films of any system against a reference film, all under one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.evaluation.baselines import GroundTruth, RowImages
from difftalker.evaluation.candidate_film import CandidateFilm, check_face, check_shape
from difftalker.evaluation.evaluate import RowResult, evaluate_rows
from difftalker.evaluation.mouth_reference import MouthReference, silent_frames
from difftalker.evaluation.protocol import describe_crop, describe_protocol
from difftalker.evaluation.redetection import detection_pool
from difftalker.evaluation.reference_film import CropSettings, ReferenceFilm, read_reference
from difftalker.evaluation.sync_scores import NoSyncScorer, SyncScorer
from difftalker.media.decode import decode_audio, frame_count
from difftalker.media.probe import VideoInfo, check_complete, probe
from difftalker.media.wav import AUDIO_RATE, cut_sound
from difftalker.sync.crop_rules import RuleName, make_sync_crop
from difftalker.sync.lse import LseScorer, SyncExpert

REFERENCE = "reference"
_SHORTEST = 6  # frames
_CREDIBLE = 5  # frames; real footage is hardly further out of sync
_ENDLESS = ("psnr", "psnr_lower", "psnr_frame", "psnr_jaw", "psnr_mouth")


@dataclass(frozen=True)
class ComparisonSettings:
    """The protocol of a comparison.

    Attributes:
        fps: at which all films are read, resampled by timestamp.
        crop: of the reference's face; the same crop is cut out of every film.
        detector: finds the landmarks of every film, in the reference's regions of the face.
        rule: which part of a picture the sync expert sees.
        device: where networks run.
        pin: hash of FAN's weights, see `make_detector`.
    """

    fps: float = 25.0
    crop: CropSettings = field(default_factory=CropSettings)
    detector: DetectorConfig = field(
        default_factory=lambda: DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=5)
    )
    rule: RuleName = "pipeline"
    device: str = "auto"
    pin: str | None = None


@dataclass(frozen=True)
class NamedExpert:
    """A sync expert with its name for the table."""

    expert: SyncExpert
    title: str
    fps: float


@dataclass(frozen=True)
class Comparison:
    """The table.

    Attributes:
        protocol: what the figures were taken with, in words.
        rows: `reference` first, then the candidates: name -> metric -> value, with the keys of metrics.json. PSNR is
            infinite where every frame equals the reference's.
        notes: what the reader of the table must know: whose sound, which resizing, which frames.
    """

    protocol: dict[str, str]
    rows: dict[str, dict[str, float]]
    notes: list[str]


def compare_films(
    reference: Path, candidates: Mapping[str, Path], settings: ComparisonSettings, expert: NamedExpert | None
) -> Comparison:
    """Score films of the same scene against a reference.

    Frames are read at one rate and as far as the shortest film goes; pictures of another size are resized to the
    reference's. A film without sound is judged with the reference's.

    Args:
        reference: the real film.
        candidates: name -> film of the same view, frame by frame the reference's.
        settings: the protocol.
        expert: measures lip sync; None leaves its figures out.

    Raises:
        UserError: a file is no film, has no face or another shape, or is too short.
    """
    if expert is not None and expert.fps != settings.fps:
        raise UserError(f"the sync expert is for {expert.fps:g} frames per second, not {settings.fps:g}; use that rate")
    films = {REFERENCE: reference, **candidates}
    infos = {name: _probe(path) for name, path in films.items()}
    for name, path in candidates.items():
        check_shape(path, infos[name].width, infos[name].height, reference, _size(infos[REFERENCE]))
    frames = {name: frame_count(info.duration, settings.fps) for name, info in infos.items()}
    count = min(frames.values())
    if count < _SHORTEST:
        shortest = min(frames, key=lambda name: frames[name])
        raise UserError(f"{films[shortest]}: has {count} frames; at least {_SHORTEST} are needed")
    film = read_reference(
        reference, settings.fps, count, settings.crop, settings.detector, settings.device, settings.pin
    )
    notes = [note for name in candidates for note in _notes(name, infos, frames, count, settings.fps)]
    for name, path in candidates.items():
        if (elsewhere := check_face(path, film)) is not None:
            notes.append(f"{name}: {elsewhere}.")
    sounds = _sounds(films, infos, settings.fps, count) if expert is not None else {}
    if expert is not None and not sounds:
        notes.append("No film has sound: lip sync was not measured.")
    mouth = _mouth_reference(film, infos[REFERENCE], count)
    results = _evaluate(film, films, mouth, settings, expert, sounds)
    late = results[REFERENCE].metrics.get("sync_offset", 0)
    if abs(late) > _CREDIBLE:
        notes.append(
            f"The sync expert finds the reference itself {abs(late):.0f} frames out of sync: where that is not so, it "
            "cannot tell on this film."
        )
    title = expert.title if expert is not None and sounds else None
    rule = make_sync_crop(settings.rule, film.rows.landmarks, film.transforms, film.size, film.rows.runs())
    taken = describe_protocol(settings.detector.name, _crop(film, settings.crop), settings.fps, title, rule)
    taken |= {
        "reference": reference.name,
        "frames": f"{len(film.rows)} of the {count} frames that all films have: those with a usable face",
    }
    rows = {name: _figures(row, settings.crop.kind) for name, row in results.items()}
    return Comparison(taken, rows, notes)


def _evaluate(
    film: ReferenceFilm,
    films: Mapping[str, Path],
    mouth: MouthReference,
    settings: ComparisonSettings,
    expert: NamedExpert | None,
    sounds: Mapping[str, np.ndarray],
) -> dict[str, RowResult]:
    test, fps = film.rows, film.fps
    embedded: dict[int, list[np.ndarray]] = {}  # films may share a sound; it is embedded once

    def scorer(name: str) -> SyncScorer:
        if expert is None or name not in sounds:
            return NoSyncScorer()
        samples = sounds[name]
        if id(samples) not in embedded:
            pieces = [cut_sound(samples, int(test.frame[run.start]), run.stop - run.start, fps) for run in test.runs()]
            embedded[id(samples)] = [expert.expert.embed_audio(piece) for piece in pieces]
        return LseScorer(expert.expert, list(test.runs()), embedded[id(samples)])

    truth = CandidateFilm(film.path, film)
    sources: dict[str, RowImages] = {REFERENCE: GroundTruth()}
    sources |= {name: CandidateFilm(path, film) for name, path in films.items() if name != REFERENCE}
    rule = make_sync_crop(settings.rule, test.landmarks, film.transforms, film.size, test.runs())
    with detection_pool(settings.detector, settings.device, len(sources) * len(test), settings.pin) as detect:
        return evaluate_rows(
            test, sources, {}, mouth, truth.images, truth, detect, settings.detector, scorer, rule
        ).rows


def _mouth_reference(film: ReferenceFilm, info: VideoInfo, count: int) -> MouthReference:
    """What the reference says; without sound nothing is known to be silence."""
    silent = np.zeros(count, bool)
    if info.has_audio:
        samples = np.concatenate(list(decode_audio(film.path, round(count / film.fps * AUDIO_RATE))))
        silent = silent_frames(samples, count, film.fps)
    return MouthReference(film.rows.landmarks, silent[film.rows.frame], film.fps)


def _probe(path: Path) -> VideoInfo:
    info = probe(path)
    check_complete(path, info.duration)
    return info


def _size(info: VideoInfo) -> tuple[int, int]:
    return info.width, info.height


def _notes(name: str, infos: Mapping[str, VideoInfo], frames: Mapping[str, int], count: int, fps: float) -> list[str]:
    """What was done to a candidate to bring it beside the reference."""
    info, reference = infos[name], infos[REFERENCE]
    found = []
    if _size(info) != _size(reference):
        found.append(f"resized from {info.width}x{info.height} to {reference.width}x{reference.height}")
    if info.variable or abs(info.fps - fps) > 0.01:
        found.append(f"resampled from {info.fps:.4g} to {fps:g} frames per second")
    if frames[name] != frames[REFERENCE]:
        found.append(f"has {frames[name]} frames, the reference {frames[REFERENCE]}; the first {count} were scored")
    if not info.has_audio:
        found.append("has no sound; judged with the reference’s" if reference.has_audio else "has no sound")
    return [f"{name}: {note}." for note in found]


def _sounds(films: Mapping[str, Path], infos: Mapping[str, VideoInfo], fps: float, count: int) -> dict[str, np.ndarray]:
    """The sound that each film is judged with, (n,) int16 at 16 kHz; films that have none, nor the reference, lack."""
    samples = round(count / fps * AUDIO_RATE)
    found = {
        name: np.concatenate(list(decode_audio(path, samples))) for name, path in films.items() if infos[name].has_audio
    }
    if REFERENCE in found:
        found = {name: found.get(name, found[REFERENCE]) for name in films}
    return found


def _crop(film: ReferenceFilm, crop: CropSettings) -> str:
    if crop.kind == "none":
        return f"the whole pictures of {film.size} px, taken as face crops"
    return describe_crop({"size": str(film.size), "crop_scale": str(crop.crop_scale)})


def _figures(row: RowResult, crop: Literal["face", "none"]) -> dict[str, float]:
    endless = {key: float("inf") for key in _ENDLESS if np.isinf(row.frames[key]).all()}
    twice = ("psnr_frame", "ssim_frame") if crop == "none" else ()  # the crop is the whole picture
    return {key: value for key, value in (row.metrics | endless).items() if key not in twice}
