"""What the sound under some frames asks of the mouth: how the speaker moved it, and where nobody speaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.audio.voice_activity import active_speech_level, row_power, silence_weight, silent_rows
from difftalker.evaluation.frame_table import FrameTable
from difftalker.media.wav import read_wav


@dataclass(frozen=True)
class MouthReference:
    """The speech of n frames.

    Attributes:
        landmarks: (n, 68, 2), the speaker's while saying it, in any unit; NaN where unknown.
        silent: (n,) bool: nobody speaks, and the mouth has had the time to come to rest.
        fps: frames per second.
    """

    landmarks: np.ndarray
    silent: np.ndarray
    fps: float

    @property
    def known(self) -> np.ndarray:
        """Frames whose landmarks are known, (n,) bool."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)))


def mouth_reference(test: FrameTable, frames: Path, fps: float) -> MouthReference:
    """The speech of the test split: the frames' own.

    Args:
        test: the test split.
        frames: folder of the recordings' frames, with `<recording>/audio/<clip>.wav`.
        fps: frames per second.
    """
    silent = np.zeros(len(test), bool)
    for run in test.runs():
        samples = read_wav(frames / test.recording[run.start] / "audio" / f"{test.clip[run.start]}.wav")
        silent[run] = silent_frames(samples, int(test.frame[run.stop - 1]) + 1, fps)[test.frame[run]]
    return MouthReference(test.landmarks, silent, fps)


def silent_frames(samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """The frames in which nobody speaks and a mouth is at rest, by the rule that `dub` closes it by.

    Args:
        samples: (n,) int16 at 16 kHz, from the first frame on.
        frames: how many frames there are.
        fps: frames per second.

    Returns:
        (frames,) bool.
    """
    power = row_power(samples)
    return np.asarray(silence_weight(silent_rows(power, active_speech_level(power)), frames, fps) == 1)
