"""Distance of landmarks (paper, section 3.3 and table 1), their jitter, and the mouth's motion in silence."""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import JAW_ENDS, MOUTH

_NOSE = slice(27, 36)  # moves with the head and with nothing else


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


def motion_in_silence(landmarks: np.ndarray, silent: np.ndarray, run: np.ndarray, fps: float) -> float:
    """Mean speed of the mouth's points in silence, relative to the nose.

    Args:
        landmarks: (n, 68, 2), in any unit, ordered in time.
        silent: (n,) bool, frames in which nobody speaks.
        run: (n,) a label per frame; only pairs of silent frames of one label that follow each other count.
        fps: frames per second.

    Returns:
        Face widths per second, the mean over pairs and points; NaN where there is no such pair.
    """
    points = landmarks.astype(np.float64)
    mouth = points[:, MOUTH] - points[:, _NOSE].mean(axis=1, keepdims=True)
    width = np.linalg.norm(points[:, JAW_ENDS[1]] - points[:, JAW_ENDS[0]], axis=-1)
    moved = np.linalg.norm(np.diff(mouth, axis=0), axis=-1).mean(axis=1) / width[1:]
    pair = silent[1:] & silent[:-1] & (run[1:] == run[:-1])
    return float(moved[pair].mean() * fps) if pair.any() else float("nan")
