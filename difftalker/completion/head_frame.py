"""Heads without their place, size and tilt: points in the frame of a mean face, and back; faces smoothed in it."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from difftalker.face.topology import RIGID

UPPER_FACE_SMOOTHING = (
    3.0  # standard deviation of the smoothing, in seconds: the head turns more slowly than that, speech does not
)


class SimilarityTransform:
    """The similarity transform from points (b, p, 2) to a shape (p, 2) with the least squared error."""

    def __init__(self, points: Tensor, shape: Tensor) -> None:
        self.centre = points.mean(1, keepdim=True)  # (b, 1, 2)
        self.target = shape.mean(0)  # (2,)
        x, y = points - self.centre, shape - self.target
        power = x.square().sum((1, 2)).clamp_min(1e-12)  # (b,)
        self.cosine = ((x * y).sum((1, 2)) / power)[:, None]  # (b, 1), times the scale
        self.sine = ((x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]).sum(1) / power)[:, None]

    def normalise(self, points: Tensor) -> Tensor:
        """Into the frame of the shape: (b, q, 2) -> (b, q, 2)."""
        x, y = (points - self.centre).unbind(-1)
        turned = torch.stack([self.cosine * x - self.sine * y, self.sine * x + self.cosine * y], -1)
        return turned + self.target

    def restore(self, points: Tensor) -> Tensor:
        """Out of it again: the inverse of `normalise`."""
        x, y = (points - self.target).unbind(-1)
        power = self.cosine.square() + self.sine.square()
        turned = torch.stack([self.cosine * x + self.sine * y, self.cosine * y - self.sine * x], -1)
        return turned / power[..., None] + self.centre


class HeadFrame:
    """The frame of every head on its own: jaw ends, nose and eye corners laid on those of the mean face.

    Args:
        landmarks: (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).
    """

    def __init__(self, landmarks: np.ndarray, shape: np.ndarray) -> None:
        self._pose = SimilarityTransform(_tensor(landmarks[:, RIGID]), _tensor(shape[RIGID]))

    def normalise(self, points: np.ndarray) -> np.ndarray:
        """From the crop into the frame: (n, q, 2) -> (n, q, 2) float32."""
        return self._pose.normalise(_tensor(points)).numpy()

    def restore(self, points: np.ndarray) -> np.ndarray:
        """From the frame into the crop, the inverse of `normalise`: (n or 1, q, 2) -> (n, q, 2) float32."""
        return self._pose.restore(_tensor(points)).numpy()


def _tensor(points: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(points, np.float32))


def smooth_in_head_frame(points: np.ndarray, width: float) -> np.ndarray:
    """Smooth faces over time without the motion of their heads.

    Args:
        points: successive pictures, every face in the frame of its own head, (n, 68, 2).
        width: standard deviation of the Gaussian over time, in pictures.

    Returns:
        (n, 68, 2) of the same dtype, in the same frames.
    """
    return np.asarray(gaussian_filter1d(points, width, axis=0, mode="nearest"))


def mean_face_on_heads(landmarks: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The mean face in the place of every head: `smooth_in_head_frame` without end.

    Args:
        landmarks: successive pictures, (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).

    Returns:
        (n, 68, 2) float32, over the crop size.
    """
    frame = HeadFrame(landmarks, shape)
    mean = frame.normalise(landmarks).mean(axis=0, keepdims=True)
    return frame.restore(mean)
