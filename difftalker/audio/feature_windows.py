"""Sixteen neighbouring feature rows for every video frame (the protocol of VOCA and AD-NeRF)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEATURE_RATE = 50.0  # rows per second
WINDOW_ROWS = 16  # rows per video frame: 0.32 s

RowReader = Callable[[int, int], np.ndarray]
"""Gives the feature rows `first` to `last` (exclusive) of a sound, (last - first, 29) float32, 50 per second. Row i is
of the time from i / 50 s to (i + 1) / 50 s. Rows before the sound's start and beyond its end may be asked for."""


def row_count(duration: float) -> int:
    """Feature rows of a sound of so many seconds: round(duration * 50), halves up."""
    return int(np.floor(duration * FEATURE_RATE + 0.5 + 1e-9))


def cut_feature_windows(read: RowReader, first: int, last: int, fps: float) -> np.ndarray:
    """Cut a window around the time of each of the video frames `first` to `last` (exclusive).

    Frame v takes the rows round(50 v / fps) - 8 to + 7: the middle of its window is its time v / fps, rounded to 20 ms.

    Args:
        read: gives the rows of the sound.
        first, last: video frames.
        fps: video frames per second.

    Returns:
        (last - first, 16, 29) float32.
    """
    starts = np.floor(np.arange(first, last) * FEATURE_RATE / fps + 0.5 + 1e-9).astype(int) - WINDOW_ROWS // 2
    low, high = (int(starts[0]), int(starts[-1]) + WINDOW_ROWS) if last > first else (0, 0)
    return read(low, high)[(starts - low)[:, None] + np.arange(WINDOW_ROWS)]
