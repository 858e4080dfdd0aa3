"""What one clip of footage is like, at the pipeline's frame rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.audio.encoder import AudioEncoder
from difftalker.audio.feature_windows import WINDOW_ROWS
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.face.active_speaker import find_speaker, picture_power
from difftalker.face.crop import face_width
from difftalker.face.topology import CONTOUR, NOSE_BASE
from difftalker.face.tracking import ClipFaces, largest_track, track_faces
from difftalker.media.decode import decode_audio, decode_frames, key_pictures
from difftalker.media.probe import VideoInfo
from difftalker.media.wav import AUDIO_RATE

_FULL_SCALE = 32768.0
_CLIPPED = 32700  # a sample this large is taken as cut off
_FLOOR = 1e-5  # -100 dB, so that digital silence has a level
_SAMPLE = 48  # pictures of a recording, at most, from which the face's width is estimated
_ENOUGH = 0.25  # share of them that must show a face


@dataclass(frozen=True)
class ClipMeasures:
    """Measurements of one clip of n frames.

    Attributes:
        info: what the file says of itself.
        found: (n,) bool, whether a face was found.
        face: (n,) float64, face width in source pixels; undefined where not found.
        chin: (n,) float64, rows from the nose base to the lowest contour point in source pixels; undefined where not
            found.
        opening: (n,) float64, distance of the inner lips' middles over the face width; undefined where not found.
        several: frames with more than one face.
        level: (n,) float64, root mean square of the frame's sound in dB of full scale.
        clipped: fraction of sound samples at full scale.
        speech: (n, 29) float32, speech features of the sound around the frame's time.
    """

    info: VideoInfo
    found: np.ndarray
    face: np.ndarray
    chin: np.ndarray
    opening: np.ndarray
    several: int
    level: np.ndarray
    clipped: float
    speech: np.ndarray


def typical_face(infos: Sequence[VideoInfo]) -> float | None:
    """Median width of the face in source pixels, from a sample of a recording's pictures; takes a few seconds.

    Args:
        infos: what `validate_video` said of each file.

    Returns:
        None where too few of the pictures show a face.

    Raises:
        UserError: a file cannot be read.
    """
    ends = np.cumsum([info.duration for info in infos])
    moments = (np.arange(_SAMPLE) + 0.5) / _SAMPLE * ends[-1]
    owner = np.searchsorted(ends, moments, side="right")
    pictures = (
        [picture]
        for index, info in enumerate(infos)
        for picture in key_pictures(info.path, moments[owner == index] - (ends[index] - info.duration))
    )
    tracks = [clip_faces.track(largest_track(clip_faces.tracks)) for clip_faces in track_faces(pictures)]
    widths = [float(face_width(track.points[0])) for track in tracks if track.found[0]]
    return float(np.median(widths)) if widths and len(widths) >= _ENOUGH * len(tracks) else None


def measure_clips(
    infos: Sequence[VideoInfo],
    fps: float,
    executor: Executor | None = None,
    workers: int = 1,
    progress: Callable[[], object] = lambda: None,
) -> Iterator[ClipMeasures]:
    """Decode files and measure them. The pictures are streamed; only a clip's sound is held, 2 MB a minute.

    Args:
        infos: what `validate_video` said of each file.
        fps: the pipeline's frame rate.
        executor, workers: processes for the face search (`difftalker.compute.parallel.worker_processes`).
        progress: called after every frame.

    Raises:
        UserError: a file cannot be decoded.
    """

    def counted(path: Path) -> Iterator[np.ndarray]:
        for frame in decode_frames(path, fps):
            yield frame
            progress()

    encoder = WhisperEncoder()
    faces_of_clips = track_faces((counted(info.path) for info in infos), executor, workers)
    for info, clip_faces in zip(infos, faces_of_clips, strict=True):
        yield _measure(info, clip_faces, fps, encoder)


def _measure(info: VideoInfo, clip_faces: ClipFaces, fps: float, encoder: AudioEncoder) -> ClipMeasures:
    frames = clip_faces.count
    samples = np.concatenate(list(decode_audio(info.path, round(frames / fps * AUDIO_RATE))))
    level, clipped = sound_level(samples, frames, fps)
    track = clip_faces.track(find_speaker(clip_faces.tracks, picture_power(samples, frames, fps), fps)[0])
    speech = encoder.encode(samples, frames, fps)[:, WINDOW_ROWS // 2 - 1 : WINDOW_ROWS // 2 + 1].mean(axis=1)
    face = face_width(track.points)
    chin = track.points[:, CONTOUR, 1].max(axis=1) - track.points[:, NOSE_BASE, 1]
    gap = np.linalg.norm(track.points[:, 66] - track.points[:, 62], axis=1)
    opening = np.divide(gap, face, out=np.zeros_like(gap), where=face > 0)
    return ClipMeasures(info, track.found, face, chin, opening, clip_faces.several, level, clipped, speech)


def sound_level(samples: np.ndarray, frames: int, fps: float) -> tuple[np.ndarray, float]:
    """Level of the sound during every frame.

    Args:
        samples: (k,) int16, 16 kHz mono, from the start of the first frame.
        frames: number of frames n.
        fps: frames per second.

    Returns:
        (n,) float64 dB of full scale, and the fraction of samples that are clipped.
    """
    frame = np.minimum((np.arange(len(samples)) * fps / AUDIO_RATE).astype(np.int64), frames - 1)
    power = np.bincount(frame, np.square(samples / _FULL_SCALE), frames)
    rms = np.sqrt(power / np.maximum(np.bincount(frame, minlength=frames), 1))
    clipped = float((np.abs(samples.astype(np.int32)) >= _CLIPPED).mean())
    return 20 * np.log10(np.maximum(rms, _FLOOR)), clipped
