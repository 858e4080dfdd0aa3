"""Where the lower face lies in a source picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from difftalker.evaluation.metrics.jaw import jaw_region
from difftalker.evaluation.metrics.region import Region, bounds
from difftalker.evaluation.metrics.sharpness import mouth_region
from difftalker.evaluation.samples import mouth_opening
from difftalker.face.topology import JAW_ENDS


@dataclass(frozen=True)
class Place:
    """The painted part of one picture, in the picture's own pixels and in its crop's.

    Attributes:
        jaw_box: smallest box around the inside of the jaw, x0, y0, x1, y1, end excluded.
        jaw: (y1 - y0, x1 - x0) bool, which of its pixels lie inside the jaw; see `metrics.jaw`.
        mouth: box around the mouth.
        crop_jaw: (size, size) bool, the inside of the jaw in the crop.
    """

    jaw_box: Region
    jaw: np.ndarray
    mouth: Region
    crop_jaw: np.ndarray

    def inside(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture (h, w, ...) in the jaw's box."""
        x0, y0, x1, y1 = self.jaw_box
        return picture[y0:y1, x0:x1]


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
    jaw = jaw_region(points, shape, transform, size / 2)
    x0, y0, x1, y1 = box = bounds(jaw) or (0, 0, 0, 0)
    whole = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    return Place(
        box,
        jaw[y0:y1, x0:x1],
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


def relative_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap of the inner lips over the face's width: (n, 68, 2) -> (n,), the same in every unit of the points."""
    ends = landmarks[:, JAW_ENDS[1]].astype(np.float64) - landmarks[:, JAW_ENDS[0]]
    return np.asarray(mouth_opening(landmarks) / np.linalg.norm(ends, axis=-1))
