"""The speaker's jaw as a linear function of the mouth, so that both follow the speech and not the base footage.

The landmark network completes the chin from the upper face alone (paper, section 2.3). Upper points tell a little of
the mouth below them, and on other footage than the speech's own they tell of what is said there.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from difftalker.landmarks.topology import CONTOUR, MOUTH, RIGID
from difftalker.models.landmark_completion import Pose

_PENALTY = 1e-3  # of the ridge regression, over the mean power of the mouth's coordinates


def fit_jaw(landmarks: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Ridge regression of the lower contour on the mouth, in the frame of the mean shape.

    Args:
        landmarks: training footage, (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).

    Returns:
        (40, 18) float32: what a deviation of the mouth's coordinates from the mean shape adds to the contour's.
    """
    points = _pose(landmarks, shape).normalise(torch.from_numpy(np.array(landmarks, np.float32))).numpy() - shape
    mouth, contour = points[:, MOUTH].reshape(len(points), -1), points[:, CONTOUR].reshape(len(points), -1)
    inputs = np.concatenate([mouth, np.ones((len(mouth), 1))], axis=1).astype(np.float64)
    penalty = _PENALTY * len(mouth) * float((mouth**2).mean()) * np.diag([1.0] * mouth.shape[1] + [0.0])
    gram = inputs.T @ inputs + penalty + 1e-12 * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, inputs.T @ contour)[:-1].astype(np.float32)


def calm(landmarks: np.ndarray, shape: np.ndarray, width: float) -> np.ndarray:
    """Take the quick motion out of faces: what their upper points tell of speech, not how the head is turned.

    Args:
        landmarks: successive pictures, (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).
        width: standard deviation of the Gaussian over time, in pictures.

    Returns:
        (n, 68, 2) float32: every head in its own place, its points smoothed in its own frame.
    """
    pose = _pose(landmarks, shape)
    points = pose.normalise(torch.from_numpy(np.array(landmarks, np.float32))).numpy()
    slow = gaussian_filter1d(points, width, axis=0, mode="nearest")
    return pose.restore(torch.from_numpy(slow)).numpy()


def move_jaw(landmarks: np.ndarray, shape: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Let the lower contour follow the mouth.

    Args:
        landmarks: (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).
        jaw: what `fit_jaw` found, (40, 18).

    Returns:
        (n, 68, 2) float32; only the lower contour differs.
    """
    pose = _pose(landmarks, shape)
    points = torch.from_numpy(np.array(landmarks, np.float32))
    normal = pose.normalise(points).numpy()
    moved = (normal[:, MOUTH] - shape[MOUTH]).reshape(len(points), -1) @ jaw
    contour = normal[:, CONTOUR] + moved.reshape(len(points), -1, 2).astype(np.float32)
    result = np.array(landmarks, np.float32)
    result[:, CONTOUR] = pose.restore(torch.from_numpy(contour)).numpy()
    return result


def _pose(landmarks: np.ndarray, shape: np.ndarray) -> Pose:
    rigid = torch.from_numpy(np.array(landmarks[:, RIGID], np.float32))
    return Pose(rigid, torch.from_numpy(np.array(shape, np.float32))[RIGID])
