"""The films of `film_folder` scored: in the source's own pixels, inside the jaw, against what was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.config import DetectorConfig
from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.evaluation.evaluate import RowResult, evaluate_rows
from difftalker.evaluation.film_folder import FilmRecord, film_path, source_film_path
from difftalker.evaluation.film_plan import FILM_KINDS, FilmKind, PlannedFilm, spoken_landmarks
from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.metrics.regions import shift_transforms
from difftalker.evaluation.mouth_reference import MouthReference, silent_frames
from difftalker.evaluation.redetection import DetectInBackground
from difftalker.face.crop import cut_crop
from difftalker.media.decode import decode_audio, decode_frames
from difftalker.media.wav import AUDIO_RATE, cut_sound
from difftalker.sync.crop_rules import RuleName, make_sync_crop
from difftalker.sync.lse import LseScorer, SyncExpert
from difftalker.tables import read_table, table_metadata, tensor_column

KINDS_WITH_REAL_FILM = ("own", "detected")  # kinds of which the real film is known
_FRAME = ("psnr_frame", "ssim_frame")  # of whole pictures, which these films do not show
_AGAINST_REAL = ("ld", "psnr", "ssim", "jitter")  # beginnings of figures that need the real film

_ROW = "film"


@dataclass(frozen=True)
class FilmFrames:
    """The frames of all films of one kind that are scored: painted ones with a usable face.

    Attributes:
        rows: n frames; clip and frame are those of the film, landmarks and boxes those of the pictures it shows.
        transforms: (n, 6) from pixels of the film to crop pixels.
        size: side of the crops in pixels.
        mouth: what is said.
        sounds: the films' sound, by their names.
        unpainted: number of frames that show the source unchanged.
    """

    rows: FrameTable
    transforms: np.ndarray
    size: int
    mouth: MouthReference
    sounds: dict[str, np.ndarray]
    unpainted: int


class FilmPictures:
    """Pictures of films for rows that are asked for in order, a batch at a time.

    Args:
        paths: the films by their names, see `FilmFrames.rows`.
        of: the rows.
    """

    def __init__(self, paths: dict[str, Path], of: FilmFrames) -> None:
        self._paths, self._of = paths, of
        self._open: Path | None = None
        self._pictures: Iterator[np.ndarray] = iter(())
        self._next = 0
        self._start = 0
        self._held: list[np.ndarray] = []

    def images(self, chosen: slice, truth: np.ndarray | None = None) -> np.ndarray:
        """Crops of the rows `chosen`, all of one film: (n, size, size, 3) uint8 RGB."""
        rows = self._of.rows
        path = self._paths[rows.clip[chosen.start]]
        if path != self._open:
            self._pictures, self._open, self._next = decode_frames(path, self._of.mouth.fps), path, 0
        self._start = chosen.start
        self._held = [self._advance(path, int(frame)) for frame in rows.frame[chosen]]
        transforms = self._of.transforms[chosen]
        return np.stack(
            [cut_crop(picture, t, self._of.size) for picture, t in zip(self._held, transforms, strict=True)]
        )

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        """See `RowImages.whole`: the film's own picture."""
        return self._held[index - self._start]

    def read(self, rows: FrameTable, chosen: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """See `PictureSource.read`, for the rows that `images` was last asked for."""
        yield from zip(self._held, self._of.transforms[chosen], strict=True)

    def _advance(self, path: Path, frame: int) -> np.ndarray:
        for picture in self._pictures:
            self._next += 1
            if self._next > frame:
                return picture
        raise UserError(f"{path}: ends before frame {frame}; run `dvc repro make_films`")


def score_films(
    folder: Path,
    records: Sequence[FilmRecord],
    dataset: Dataset,
    frames: Path,
    detect: DetectInBackground,
    config: DetectorConfig,
    expert: SyncExpert,
    rule: RuleName,
) -> dict[FilmKind, RowResult]:
    """Score the films kind by kind.

    Figures that need the real film are left out where it is unknown: of films over other pictures. There, sharpness and
    flicker are over those of the pictures shown, and opening, closure and silence against the speaker's while saying
    the same.

    Args:
        folder: see `film_folder`.
        records: its films.
        dataset: all frames.
        frames: folder of the recordings' frames, with their geometry.
        detect: finds landmarks; the footage's own detector.
        config: its parameters.
        expert: measures lip sync.
        rule: what it sees.

    Returns:
        The figures of every kind of which a film has a frame to score.

    Raises:
        UserError: a film is missing, or is not of this dataset.
    """
    found: dict[FilmKind, RowResult] = {}
    for kind in FILM_KINDS:
        chosen = [record for record in records if record.planned.kind == kind]
        rows = read_film_frames(folder, chosen, dataset, frames) if chosen else None
        if rows is not None and len(rows.rows):
            found[kind] = _score(
                folder, kind, [record.planned for record in chosen], rows, detect, config, expert, rule
            )
    return found


def read_film_frames(folder: Path, records: Sequence[FilmRecord], dataset: Dataset, frames: Path) -> FilmFrames:
    """The frames of some films that can be scored, in order."""
    index, number, film, transforms, said, silent, unpainted = [], [], [], [], [], [], 0
    sounds: dict[str, np.ndarray] = {}
    size = int(table_metadata(frames / records[0].planned.recording / "crops.parquet")["size"])
    for record in records:
        planned = record.planned
        sounds[planned.name] = np.concatenate(
            list(decode_audio(film_path(folder, planned), round(planned.frames / dataset.fps * AUDIO_RATE)))
        )
        shown = dataset.find(planned.recording, planned.base_clip, planned.base_first + np.arange(planned.frames))
        kept = np.flatnonzero(record.painted & (shown >= 0))
        unpainted += int((~record.painted).sum())
        index.append(shown[kept])
        number.append(kept)
        film += [planned.name] * len(kept)
        places = tensor_column(read_table(frames / planned.recording / "geometry.parquet", ["transform"]), "transform")
        transforms.append(shift_transforms(places[dataset.row[shown[kept]]], record.corner))
        said.append(spoken_landmarks(dataset, planned)[kept])
        silent.append(silent_frames(sounds[planned.name], planned.frames, dataset.fps)[kept])
    order, frame, clip = np.concatenate(index), np.concatenate(number), np.array(film)
    here, before = slice(1, None), slice(None, -1)
    breaks = (clip[here] != clip[before]) | (frame[here] != frame[before] + 1)
    rows = FrameTable(
        recording=dataset.recording[order],
        clip=clip,
        frame=frame,
        time=frame / dataset.fps,
        row=dataset.row[order],
        landmarks=dataset.landmarks[order],
        features=dataset.features[order],
        region=dataset.region[order],
        run=np.concatenate([np.zeros(min(len(order), 1), int), np.cumsum(breaks)]),
    )
    mouth = MouthReference(np.concatenate(said), np.concatenate(silent), dataset.fps)
    return FilmFrames(rows, np.concatenate(transforms), size, mouth, sounds, unpainted)


def _score(
    folder: Path,
    kind: FilmKind,
    planned_films: Sequence[PlannedFilm],
    of: FilmFrames,
    detect: DetectInBackground,
    config: DetectorConfig,
    expert: SyncExpert,
    rule: RuleName,
) -> RowResult:
    films = FilmPictures({planned.name: film_path(folder, planned) for planned in planned_films}, of)
    truth = FilmPictures({planned.name: source_film_path(folder, planned) for planned in planned_films}, of)
    runs = list(of.rows.runs())

    def sound(run: slice) -> np.ndarray:
        first, count = int(of.rows.frame[run.start]), run.stop - run.start
        return cut_sound(of.sounds[of.rows.clip[run.start]], first, count, of.mouth.fps)

    embedded = [expert.embed_audio(sound(run)) for run in runs]
    crop = make_sync_crop(rule, of.rows.landmarks, of.transforms, of.size, runs)
    result = evaluate_rows(
        of.rows,
        {_ROW: films},
        {},
        of.mouth,
        truth.images,
        truth,
        detect,
        config,
        lambda _: LseScorer(expert, runs, embedded),
        crop,
    ).rows[_ROW]
    dropped = (
        _FRAME
        if kind in KINDS_WITH_REAL_FILM
        else (*_FRAME, *(key for key in result.metrics if key.startswith(_AGAINST_REAL)))
    )
    metrics = {key: value for key, value in result.metrics.items() if key not in dropped}
    return RowResult(metrics | {"frames": len(of.rows), "unpainted": of.unpainted}, result.frames, result.sync)
