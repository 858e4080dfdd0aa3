"""WAV files of the pipeline: mono, 16 kHz, 16 bits; and the sound of a run of video frames."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from difftalker.errors import UserError

AUDIO_RATE = 16_000  # Hz


def write_wav(path: str | Path, pieces: Iterable[np.ndarray]) -> None:
    """Write samples (n,) int16, given in one or many pieces."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE)
        for piece in pieces:
            file.writeframes(np.ascontiguousarray(piece, dtype="<i2").tobytes())


def read_wav(path: str | Path) -> np.ndarray:
    """Read a file as `write_wav` makes it: (n,) int16.

    Raises:
        UserError: the file is missing or of another kind.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, AUDIO_RATE):
                raise UserError(f"{path}: not 16 kHz mono 16-bit sound; run `dvc repro` to make it again")
            return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
    except FileNotFoundError:
        raise UserError(f"{path}: no such sound file; run `dvc repro` to make it") from None
    except (wave.Error, EOFError):
        raise UserError(f"{path}: not a readable WAV file; run `dvc repro` to make it again") from None


def cut_sound(samples: np.ndarray, first: int, frames: int, fps: float) -> np.ndarray:
    """The sound of `frames` frames from frame `first` on.

    Args:
        samples: the clip's sound, (n,) int16, 16 kHz, beginning with frame 0.
        first: first frame.
        frames: number of frames.
        fps: frames per second.

    Returns:
        (m,) int16; shorter than the frames only where the clip's sound ends before.
    """
    begin, end = (int(np.floor(frame * AUDIO_RATE / fps + 0.5)) for frame in (first, first + frames))
    return samples[begin:end]
