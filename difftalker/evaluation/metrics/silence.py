"""Motion in silence: how much a mouth moves while nobody speaks."""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import JAW_ENDS, MOUTH

_NOSE = slice(27, 36)  # moves with the head and with nothing else


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
