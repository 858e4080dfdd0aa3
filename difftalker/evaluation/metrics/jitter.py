"""Jitter of landmarks in time."""

from __future__ import annotations

import numpy as np


def jitter(points: np.ndarray, run: np.ndarray) -> float:
    """Mean absolute second difference in time of point coordinates.

    Args:
        points: (n, k, 2), ordered in time within each run.
        run: (n,) a label per frame; frames of one label follow each other without a hole, so differences are only
            taken inside a label.

    Returns:
        The mean over frames, points and coordinates, in the unit of `points` per frame squared; NaN when no run has
        three frames.
    """
    points = points.astype(np.float64)
    second = np.abs(points[2:] - 2.0 * points[1:-1] + points[:-2])
    inside = (run[2:] == run[1:-1]) & (run[1:-1] == run[:-2])
    return float(second[inside].mean()) if inside.any() else float("nan")
