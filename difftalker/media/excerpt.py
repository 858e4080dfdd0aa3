"""The sound of a run of video frames."""

from __future__ import annotations

import numpy as np

from difftalker.media.wav import RATE


def cut(samples: np.ndarray, first: int, frames: int, fps: float) -> np.ndarray:
    """The sound of `frames` frames from frame `first` on.

    Args:
        samples: the clip's sound, (n,) int16, 16 kHz, beginning with frame 0.
        first: first frame.
        frames: number of frames.
        fps: frames per second.

    Returns:
        (m,) int16; shorter than the frames only where the clip's sound ends before.
    """
    begin, end = (int(np.floor(frame * RATE / fps + 0.5)) for frame in (first, first + frames))
    return samples[begin:end]
