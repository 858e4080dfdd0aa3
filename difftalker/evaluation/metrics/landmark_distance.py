"""Distances between sets of landmarks: the paper's landmark distance (section 3.3) and LD (table 1)."""

from __future__ import annotations

import numpy as np


def landmark_distance(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean Euclidean distance over the points of each frame.

    Args:
        predicted: points (n, k, 2), divided by the crop size.
        truth: points of the same shape.

    Returns:
        (n,) float64, in crop sizes; 0.01 is one hundredth of the crop's side.

    Raises:
        ValueError: the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"landmark_distance: shapes {predicted.shape} and {truth.shape} differ")
    offset = predicted.astype(np.float64) - truth.astype(np.float64)
    return np.linalg.norm(offset, axis=-1).mean(axis=-1)
