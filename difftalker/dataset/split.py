"""Which frames train and which test: contiguous in time, so that no test frame has a near copy in training."""

from __future__ import annotations

import math

import numpy as np

WINDOW_SECONDS = 0.32  # seconds of sound that one frame's features see: 16 rows at 50 Hz


def split_recording(clip: np.ndarray, valid: np.ndarray, fraction: float, fps: float) -> np.ndarray:
    """Split the frames of one recording.

    Several clips: the last clips, whole, test; their number is the one whose share of valid frames is closest to
    `fraction`, with at least one clip on either side. One clip: its last frames test, and the frames of one audio
    window before them are kept out.

    Args:
        clip: clip name of each frame, (n,), frames of a clip together and in time order.
        valid: whether the frame can be used, (n,) bool.
        fraction: share of the valid frames to test on, in (0, 1).
        fps: frames per second.

    Returns:
        (n,) strings: `train`, `test`, `gap` or `invalid`.
    """
    starts = np.flatnonzero(np.r_[True, clip[1:] != clip[:-1]]) if len(clip) else np.zeros(0, int)
    after = np.r_[np.cumsum(valid[::-1])[::-1], 0]  # valid frames from each row on, (n + 1,)
    wanted = fraction * after[0]
    if len(starts) > 1:
        first_test = int(starts[1:][np.argmin(np.abs(after[starts[1:]] - wanted))])
        gap = 0
    else:
        first_test = int(np.argmin(np.abs(after - wanted)))
        gap = math.ceil(WINDOW_SECONDS * fps)
    split = np.full(len(clip), "train", dtype=object)
    split[first_test:] = "test"
    split[max(first_test - gap, 0) : first_test] = "gap"
    split[~valid] = "invalid"
    return split
