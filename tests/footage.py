"""Small video files with known content, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import torch
from skimage import data

from difftalker.face.mediapipe.mesh_detector import MeshDetector
from difftalker.face.tracking import FaceTracker

_CLOCK = 90_000  # ticks per second


def write_footage(
    path: Path,
    pictures: Iterable[np.ndarray],
    times: Iterable[float] | float = 25.0,
    sound: np.ndarray | None = None,
    rate: int = 16_000,
    sound_start: float = 0.0,
    rotation: int = 0,
) -> Path:
    """Write a file.

    Args:
        pictures: (h, w, 3) uint8.
        times: of the pictures in seconds, or a constant rate.
        sound: (n,) mono or (n, 2) stereo int16 at `rate` Hz, beginning at `sound_start` seconds.
        rotation: degrees counterclockwise that a player is to turn the pictures.
    """
    pictures = list(pictures)
    stamps = [i / times for i in range(len(pictures))] if isinstance(times, float) else list(times)
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        video = container.add_stream(
            "libx264", rate=rate_of(times), options={"crf": "1", "preset": "ultrafast", "bf": "0"}
        )
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv444p"  # keeps odd sizes and colours
        video.time_base = video.codec_context.time_base = Fraction(1, _CLOCK)
        if rotation:
            video.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            layout = "stereo" if sound.ndim == 2 else "mono"
            audio = container.add_stream("flac" if path.suffix == ".mkv" else "aac", rate=rate, layout=layout)
        for picture, time in zip(pictures, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time * _CLOCK), Fraction(1, _CLOCK)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            packed = np.ascontiguousarray(sound, np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, round(sound_start * rate), Fraction(1, rate)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def rate_of(times: Iterable[float] | float) -> Fraction:
    """The rate that the file declares."""
    return Fraction(times).limit_denominator(1001) if isinstance(times, float) else Fraction(25)


def flat(levels: Iterable[int], height: int = 32, width: int = 48) -> list[np.ndarray]:
    """Pictures of one gray each."""
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def level(picture: np.ndarray) -> int:
    """The gray of a flat picture."""
    return round(float(picture.mean()))


def noise(seconds: float, rate: int = 16_000) -> np.ndarray:
    """Audible sound: (n,) int16."""
    return np.random.default_rng(0).integers(-8000, 8000, round(seconds * rate)).astype(np.int16)


@lru_cache(maxsize=1)
def portrait() -> np.ndarray:
    """One frontal face, about 100 pixels wide: (280, 280, 3) uint8. A photograph by NASA, in the public domain."""
    return np.ascontiguousarray(data.astronaut()[:280, 80:360])


def empty_room() -> np.ndarray:
    """A picture of the portrait's size without a face."""
    ramp = np.linspace(40, 200, 280).astype(np.uint8)
    return np.repeat(np.tile(ramp, (280, 1))[..., None], 3, axis=2)


@lru_cache(maxsize=1)
def portrait_points() -> np.ndarray:
    """The mesh's 68 points of `portrait`, (68, 2) float64."""
    (face,) = FaceTracker().find(portrait())
    points, _ = MeshDetector(torch.device("cpu")).detect([portrait()], face.region[None])
    return points[0].astype(np.float64)
