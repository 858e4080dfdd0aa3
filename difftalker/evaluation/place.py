"""Where the lower face lies in a source picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from difftalker.metrics.jaw import jaw_region
from difftalker.metrics.region import Region
from difftalker.metrics.sharpness import mouth_region


@dataclass(frozen=True)
class Place:
    """The painted part of one picture, in the picture's own pixels and in its crop's.

    Attributes:
        jaw: (height, width) bool, see `metrics.jaw`.
        mouth: box around the mouth.
        crop_jaw: (size, size) bool, the same in the crop.
    """

    jaw: np.ndarray
    mouth: Region
    crop_jaw: np.ndarray


def place_of(landmarks: np.ndarray, transform: np.ndarray, size: int, shape: tuple[int, ...]) -> Place:
    """Find the lower face.

    Args:
        landmarks: (68, 2) of the real face, divided by the crop size.
        transform: (6,) from the picture's pixels to the crop's.
        size: side of the crop in pixels.
        shape: of the picture; height and width come first.
    """
    points = in_picture(landmarks, transform, size)
    height, width = shape[:2]
    whole = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    return Place(
        jaw_region(points, shape, transform, size / 2),
        mouth_region(points / (width, height), height, width),
        jaw_region(landmarks * size, (size, size), whole, size / 2),
    )


def in_picture(landmarks: np.ndarray, transform: np.ndarray, size: int) -> np.ndarray:
    """Landmarks (..., 2), divided by the crop size, in pixels of the picture that the crop was cut from."""
    matrix = np.asarray(transform, np.float64).reshape(2, 3)
    return np.asarray(np.linalg.solve(matrix[:, :2], (landmarks * size - matrix[:, 2]).T).T)


def moved(transforms: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """Transforms (n, 6) from pixels of pictures, for parts of these that begin at a corner (column, row)."""
    result = transforms.copy()
    result[:, [2, 5]] += transforms[:, [0, 3]] * corner[0] + transforms[:, [1, 4]] * corner[1]
    return result
