"""Sixteen neighbouring feature rows for every video frame (the protocol of VOCA and AD-NeRF)."""

from __future__ import annotations

import numpy as np

FEATURE_RATE = 50.0  # rows per second
WINDOW = 16  # rows per video frame: 0.32 s


def row_count(duration: float) -> int:
    """Feature rows of a sound of so many seconds: round(duration * 50), halves up."""
    return int(np.floor(duration * FEATURE_RATE + 0.5 + 1e-9))


def windows(rows: np.ndarray, frames: int, fps: float, padding: np.ndarray | float = 0.0) -> np.ndarray:
    """Cut a window around each frame's time.

    Frame v takes the rows round(50 v / fps) - 8 to + 7, so at 25 fps the stride is 2. Row i stands for the time from
    i / 50 s to (i + 1) / 50 s: the middle of a window is exactly the time v / fps of its frame.

    Args:
        rows: (n, 29) features at 50 Hz.
        frames: number of video frames.
        fps: video frames per second.
        padding: value of the rows before the first and after the last: a number or (29,).

    Returns:
        (frames, 16, 29) float32.
    """
    starts = np.floor(np.arange(frames) * FEATURE_RATE / fps + 0.5 + 1e-9).astype(int)  # in padded rows
    half = WINDOW // 2
    after = max(0, (int(starts[-1]) if frames else 0) + WINDOW - half - len(rows))
    fill = np.broadcast_to(np.asarray(padding, np.float32), rows.shape[1:])
    padded = np.concatenate([np.tile(fill, (half, 1)), rows, np.tile(fill, (after, 1))]).astype(np.float32)
    return padded[starts[:, None] + np.arange(WINDOW)]
