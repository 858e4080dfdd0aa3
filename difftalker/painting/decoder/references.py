"""The reference frames: a few training frames that together show the speaker's mouth in all its positions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from difftalker.face.topology import LEFT_EYE, MOUTH, NOSE_BASE, RIGHT_EYE

_ERRORS = 0.005  # share of the frames farther than the next reference: the very farthest may be errors of the detector

_GAIN = 4.0  # largest change of light


def choose_references(landmarks: np.ndarray, count: int) -> np.ndarray:
    """Choose frames whose mouths differ: the one nearest to the median, then each time one far from all chosen.

    Args:
        landmarks: of the training frames (n, 68, 2), over the crop size.
        count: how many to choose; fewer where there are fewer frames.

    Returns:
        Indices into the frames, int64, in the order of choice.
    """
    shape = _mouth_shape(torch.from_numpy(landmarks)).numpy()
    chosen = [int(((shape - np.median(shape, axis=0)) ** 2).sum(1).argmin())]
    distance = ((shape - shape[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(count, len(landmarks)):
        far = int(np.argsort(distance, kind="stable")[-1 - int(_ERRORS * len(distance))])
        chosen.append(far)
        distance = np.minimum(distance, ((shape - shape[far]) ** 2).sum(1))
    return np.array(chosen, np.int64)


def mouth_distance(landmarks: Tensor, references: Tensor) -> Tensor:
    """How far each mouth is from the references' mouths.

    Args:
        landmarks: (b, 68, 2) over the crop size.
        references: landmarks of the reference frames (r, 68, 2).

    Returns:
        (b, r): squared distances of the mouths' shapes over the references' own mean squared distance.
    """
    shapes, own = _mouth_shape(landmarks), _mouth_shape(references)
    spread = (own - own.mean(0)).square().sum(1).mean() * 2  # the mean over all pairs, a reference with itself too
    return (shapes[:, None] - own).square().sum(2) / spread.clamp_min(1e-9)


def match_light(references: Tensor, upper: Tensor) -> Tensor:
    """Give warped references the light and tint of a picture: one gain per channel, from nose and cheeks.

    Only the rows just above the split are compared: what lies below it in the source is not known.

    Args:
        references: (b, r, 3, height, size) in [-1, 1].
        upper: the upper-face image (b, 3, height, size) in [-1, 1].

    Returns:
        Like `references`.
    """
    height, size = upper.shape[-2:]
    split = height - size // 2
    seen = (..., slice(0, split), slice(size // 4, size - size // 4))
    light = (upper[seen] + 1).mean(dim=(-2, -1))  # (b, 3)
    own = (references[seen] + 1).mean(dim=(-2, -1))  # (b, r, 3)
    gain = (light[:, None] / own.clamp_min(0.02)).clamp(1 / _GAIN, _GAIN)
    return (references + 1) * gain[..., None, None] - 1


def _mouth_shape(landmarks: Tensor) -> Tensor:
    """Mouth points from the nose base, in distances of the eyes: (n, 40)."""
    eyes = landmarks[:, LEFT_EYE].mean(1) - landmarks[:, RIGHT_EYE].mean(1)
    moved = landmarks[:, MOUTH] - landmarks[:, NOSE_BASE : NOSE_BASE + 1]
    return (moved / eyes.norm(dim=1)[:, None, None]).flatten(1)
