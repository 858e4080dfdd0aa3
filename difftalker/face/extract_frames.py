"""From a recording's videos to crops, their geometry and sound: two streaming passes over every file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from difftalker.compute.parallel import map_ordered, worker_count, worker_processes
from difftalker.config import FramesConfig, VideoConfig
from difftalker.errors import UserError
from difftalker.face.active_speaker import find_speaker, others_speak, picture_power
from difftalker.face.crop import Geometry, cut_crop
from difftalker.face.shots import find_shots, measure_changes, shot_geometry
from difftalker.face.tracking import PIECE_PICTURES, ClipFaces, SpeakerTrack, track_faces
from difftalker.intervals import seconds_in_words, true_intervals
from difftalker.media.decode import decode_audio, decode_frames, frame_count
from difftalker.media.probe import VideoInfo, list_videos, validate_video
from difftalker.media.wav import AUDIO_RATE, read_wav, write_wav
from difftalker.tables import CROPS_SCHEMA, GEOMETRY_SCHEMA, TableWriter, encode_image

_SILENT = 16  # largest sample of sound that counts as silence: -66 dB of full scale
_MUTE = 0.5  # seconds without sound at an end that are worth a warning
_THREADS = 2  # that cut and compress crops
_ENLARGED = 2.0  # crops are said to be enlarged from this factor on


@dataclass(frozen=True)
class _Speaker:
    """Who speaks in one clip.

    Attributes:
        track: the speaker's face.
        several: number of pictures in which more than one face was seen.
        chosen_by_sound: whether the sound told who of them speaks.
        others: (n,) bool, where it is somebody else.
    """

    track: SpeakerTrack
    several: int
    chosen_by_sound: bool
    others: np.ndarray


@dataclass(frozen=True)
class Clip:
    """What `clips.json` says of one clip: the name, its file, and what was found."""

    clip: str
    file: str
    duration: float
    frames: int
    valid_frames: int
    source_fps: float
    variable_fps: bool
    width: int
    height: int
    warnings: list[str]


def extract_recording(
    recording: str | Path, out: str | Path, video: VideoConfig, frames: FramesConfig, workers: int | None = None
) -> list[Clip]:
    """Extract all videos of a recording into a folder.

    Writes `crops.parquet` (schema CROPS), `geometry.parquet` (GEOMETRY), `audio/<clip>.wav` (mono, 16 kHz, exactly
    round(frames / fps * 16000) samples) and `clips.json` (a list of `Clip`). Clips are ordered by name.

    Args:
        recording: folder with one or more videos of one speaker.
        out: folder to fill; it must exist or be creatable.
        video, frames: the parameter groups of these names.
        workers: processes that search for faces; by default one per core. The result is the same for any number.

    Raises:
        UserError: a file cannot be used: unreadable, cut off, without sound, silent, or without a face.
    """
    out = Path(out)
    (out / "audio").mkdir(parents=True, exist_ok=True)
    infos = [validate_video(path) for path in list_videos(recording)]
    expected = sum(frame_count(info.duration, video.fps) for info in infos)
    speakers: list[_Speaker] = []
    changes: list[list[float]] = [[] for _ in infos]
    sounds: list[tuple[float, float]] = []
    with tqdm(total=2 * expected, desc="extract frames", unit="frame", mininterval=1.0) as bar:
        count = workers or worker_count(expected // (4 * PIECE_PICTURES))
        with worker_processes(count) as executor:
            streams = (
                measure_changes(_counted(decode_frames(info.path, video.fps), bar), seen)
                for info, seen in zip(infos, changes, strict=True)
            )
            for info, clip_faces in zip(infos, track_faces(streams, executor, count), strict=True):
                _check_face(info.path, clip_faces)
                wav = out / "audio" / f"{info.path.stem}.wav"
                sounds.append(_write_sound(info.path, wav, clip_faces.count, video.fps))
                speakers.append(
                    _speaker(clip_faces, picture_power(read_wav(wav), clip_faces.count, video.fps), video.fps)
                )
        metadata = {
            "fps": repr(video.fps),
            "size": str(video.size),
            "codec": frames.codec,
            "crop_scale": repr(frames.crop_scale),
        }
        clips = []
        with (
            TableWriter(out / "crops.parquet", CROPS_SCHEMA, metadata) as crops,
            TableWriter(out / "geometry.parquet", GEOMETRY_SCHEMA, metadata) as geometries,
        ):
            for info, speaker, sound, seen in zip(infos, speakers, sounds, changes, strict=True):
                track = speaker.track
                shots = find_shots(seen, track)
                geometry = shot_geometry(
                    track, shots, video.size, frames.crop_scale, frames.smoothing_seconds, video.fps
                )
                geometry = replace(geometry, valid=geometry.valid & ~speaker.others)
                stream = _counted(decode_frames(info.path, video.fps), bar)
                _write_clip(info.path.stem, stream, track, geometry, video, frames.codec, crops, geometries)
                clips.append(_describe(info, speaker, sound, geometry, video.fps))
    (out / "clips.json").write_text(json.dumps([asdict(clip) for clip in clips], indent=1) + "\n", encoding="utf-8")
    return clips


def _counted(stream: Iterator[np.ndarray], bar: tqdm) -> Iterator[np.ndarray]:
    for frame in stream:
        yield frame
        bar.update()


def _check_face(path: Path, clip_faces: ClipFaces) -> None:
    if not clip_faces.tracks:
        raise UserError(
            f"{path}: no face found in any of its {clip_faces.count} frames; give footage with one face "
            "of at least 1/20 of the picture's longer side, or take the file out of the folder"
        )


def _speaker(clip_faces: ClipFaces, power: np.ndarray, fps: float) -> _Speaker:
    faces, chosen_by_sound = find_speaker(clip_faces.tracks, power, fps)
    return _Speaker(
        clip_faces.track(faces), clip_faces.several, chosen_by_sound, others_speak(faces, clip_faces.tracks, power, fps)
    )


def _write_sound(video: Path, wav: Path, frames: int, fps: float) -> tuple[float, float]:
    """Write a clip's sound; returns the seconds at which it begins and ends: elsewhere there is digital silence."""
    peak = position = end = 0
    begin: int | None = None

    def pieces() -> Iterator[np.ndarray]:
        nonlocal peak, position, begin, end
        for piece in decode_audio(video, round(frames / fps * AUDIO_RATE)):
            peak = max(peak, int(np.abs(piece.astype(np.int32)).max(initial=0)))
            sounding = np.flatnonzero(piece)
            if len(sounding):
                begin = position + int(sounding[0]) if begin is None else begin
                end = position + int(sounding[-1]) + 1
            position += len(piece)
            yield piece

    write_wav(wav, pieces())
    if peak <= _SILENT:
        raise UserError(
            f"{video}: its sound track is silent from 0.00 s to {frames / fps:.2f} s; "
            "give footage with audible speech, or take the file out of the folder"
        )
    return (begin or 0) / AUDIO_RATE, end / AUDIO_RATE


def _write_clip(
    clip: str,
    stream: Iterator[np.ndarray],
    track: SpeakerTrack,
    geometry: Geometry,
    video: VideoConfig,
    codec: str,
    crops: TableWriter,
    geometries: TableWriter,
) -> None:
    def make(item: tuple[np.ndarray, np.ndarray]) -> bytes:
        return encode_image(cut_crop(*item, video.size), codec)

    with ThreadPoolExecutor(_THREADS) as threads:  # OpenCV works outside the interpreter's lock
        images = map_ordered(make, zip(stream, geometry.transforms, strict=True), threads, 4 * _THREADS)
        for index, image in enumerate(images):
            key = {"clip": clip, "frame": index, "time": index / video.fps}
            crops.write(**key, image=image)
            geometries.write(
                **key,
                transform=geometry.transforms[index],
                source_width=track.width,
                source_height=track.height,
                region=geometry.regions[index],
                valid=bool(geometry.valid[index]),
            )


def _describe(info: VideoInfo, speaker: _Speaker, sound: tuple[float, float], geometry: Geometry, fps: float) -> Clip:
    warnings = []
    track = speaker.track
    length = len(track.found) / fps
    if sound[0] > _MUTE or sound[1] < length - _MUTE:
        warnings.append(f"sound only from {sound[0]:.2f} s to {sound[1]:.2f} s of {length:.2f} s; elsewhere silence")
    if speaker.several:
        which = "one whose mouth moves with the sound" if speaker.chosen_by_sound else "largest"
        warnings.append(f"several faces in {speaker.several} frames; the {which} was followed")
    if speaker.others.any():
        warnings.append(f"somebody else speaks in {_ranges(speaker.others, fps)}; these frames are not used")
    if not track.found.all():
        warnings.append(f"no face in {_ranges(~track.found, fps)}; these frames are not used")
    outside = track.found & ~speaker.others & ~geometry.valid
    if outside.any():
        warnings.append(
            f"mouth or chin outside the crop's lower half in {_ranges(outside, fps)}; not used "
            "(where the head moves much, a lower frames.smoothing_seconds keeps more)"
        )
    scale = float(np.median(geometry.transforms[:, 0]))
    if scale > _ENLARGED:
        warnings.append(f"the face is small: crops are enlarged {scale:.1f} times")
    for warning in warnings:
        tqdm.write(f"warning: {info.path}: {warning}")
    return Clip(
        clip=info.path.stem,
        file=info.path.name,
        duration=round(info.duration, 6),
        frames=len(track.found),
        valid_frames=int(geometry.valid.sum()),
        source_fps=info.fps,
        variable_fps=info.variable,
        width=info.width,
        height=info.height,
        warnings=warnings,
    )


def _ranges(mask: np.ndarray, fps: float) -> str:
    """A count and the first stretches of time: '12 of 75 frames (0.40-0.84 s)'."""
    intervals = [(start / fps, end / fps) for start, end in true_intervals(mask)]
    more = f" and {len(intervals) - 5} more" if len(intervals) > 5 else ""
    return f"{int(mask.sum())} of {len(mask)} frames ({seconds_in_words(intervals[:5])}{more})"
