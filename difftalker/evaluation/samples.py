"""How far the mouth is open, and which test frames are shown."""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import JAW_ENDS

UPPER_LIP, LOWER_LIP = 62, 66  # middle of the inner lips
SAMPLES = 8


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the middles of the inner lips: (n, 68, 2) -> (n,), in the points' units."""
    gap = landmarks[:, LOWER_LIP].astype(np.float64) - landmarks[:, UPPER_LIP]
    return np.linalg.norm(gap, axis=-1)


def sample_positions(landmarks: np.ndarray, count: int = SAMPLES) -> np.ndarray:
    """Frames spread evenly over the ranks of mouth opening, from the most closed to the widest open.

    Args:
        landmarks: (n, 68, 2) of the ground truth.
        count: how many frames; fewer are returned when there are fewer.

    Returns:
        Indices into the frames, all different.
    """
    order = np.argsort(mouth_opening(landmarks), kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))]


def relative_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap of the inner lips over the face's width: (n, 68, 2) -> (n,), the same in every unit of the points."""
    ends = landmarks[:, JAW_ENDS[1]].astype(np.float64) - landmarks[:, JAW_ENDS[0]]
    return np.asarray(mouth_opening(landmarks) / np.linalg.norm(ends, axis=-1))
