"""Gaps and zero-phase smoothing of landmark tracks, clip by clip."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from difftalker.intervals import true_intervals


def fill_gaps(points: np.ndarray, found: np.ndarray, max_gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate short gaps of one clip linearly.

    Args:
        points: (n, 68, 2).
        found: (n,) bool, which rows are detections.
        max_gap: longest gap in frames that is filled. Gaps at the clip's ends are not: nothing lies beyond them.

    Returns:
        The points, filled, and (n,) bool: which rows were interpolated.
    """
    filled = points.copy()
    interpolated = np.zeros(len(found), bool)
    for start, end in true_intervals(~found):
        if start == 0 or end == len(found) or end - start > max_gap:
            continue
        weight = (np.arange(start, end) - start + 1) / (end - start + 1)
        before, after = points[start - 1], points[end]
        filled[start:end] = before + weight[:, None, None] * (after - before)
        interpolated[start:end] = True
    return filled, interpolated


def smooth_track(points: np.ndarray, valid: np.ndarray, width: float) -> np.ndarray:
    """Smooth the valid stretches of one clip with a Gaussian, without delay.

    Args:
        points: (n, 68, 2).
        valid: (n,) bool; nothing is mixed across invalid rows, which stay as they are.
        width: standard deviation in frames; 0 leaves the points unchanged.
    """
    if width == 0:
        return points
    result = points.copy()
    for start, end in true_intervals(valid):
        result[start:end] = gaussian_filter1d(points[start:end], width, axis=0, mode="nearest")
    return result
