"""Where pictures are compared: boxes and masks of the painted lower face, in the picture's pixels and in the crop's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Box = tuple[int, int, int, int]

_OUTLINE = np.r_[0:17, 27:36]  # jaw line, bridge and base of the nose
MOUTH_POINTS = slice(48, 68)
MOUTH_MARGIN = 0.25  # of the mouth's width and height, on each side


def changed_box(first: np.ndarray, second: np.ndarray) -> Box | None:
    """Smallest box around the pixels that differ.

    Args:
        first: image (h, w, 3) uint8.
        second: image of the same shape.

    Returns:
        x0, y0, x1, y1 in pixels, end excluded; None for equal images.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"images of shapes {first.shape} and {second.shape} cannot be compared")
    return mask_box((first != second).any(axis=-1))


def mask_box(mask: np.ndarray) -> Box | None:
    """Smallest box around the true pixels of (h, w) bool: x0, y0, x1, y1, end excluded; None where there is none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def jaw_mask_in_picture(points: np.ndarray, shape: tuple[int, ...], transform: np.ndarray, split: float) -> np.ndarray:
    """The lower face: the convex hull of jaw line and nose, below the split.

    Args:
        points: (68, 2) in pixels of the picture, centres at integers.
        shape: of the picture; height and width come first.
        transform: (6,) from the picture's pixels to the crop's.
        split: row of the crop from which on the face is painted, size / 2.

    Returns:
        (height, width) bool.
    """
    mask: np.ndarray = np.zeros(shape[:2], np.uint8)
    hull = cv2.convexHull(np.rint(points[_OUTLINE] * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1, shift=4)
    region = mask_box(mask > 0)
    if region is None:
        return mask > 0
    x0, y0, x1, y1 = region
    _, _, _, across, down, shift = np.asarray(transform, np.float64)
    row = across * np.arange(x0, x1) + down * np.arange(y0, y1)[:, None] + shift  # of the crop
    mask[y0:y1, x0:x1] &= row >= split
    return mask > 0


def mouth_box(landmarks: np.ndarray, height: int, width: int) -> Box:
    """Pixels around the mouth.

    Args:
        landmarks: (68, 2), divided by width and height of the image.
        height: of the image.
        width: of the image.

    Returns:
        x0, y0, x1, y1, end excluded, inside the image and at least 2 pixels wide and high.
    """
    mouth = landmarks[MOUTH_POINTS].astype(np.float64)
    low, high = mouth.min(axis=0), mouth.max(axis=0)
    margin = MOUTH_MARGIN * (high - low)
    x0, y0 = np.floor((low - margin) * (width, height)).astype(int)
    x1, y1 = np.ceil((high + margin) * (width, height)).astype(int)
    x0, y0 = int(np.clip(x0, 0, width - 2)), int(np.clip(y0, 0, height - 2))
    return x0, y0, int(np.clip(x1, x0 + 2, width)), int(np.clip(y1, y0 + 2, height))


@dataclass(frozen=True)
class FaceRegions:
    """The painted part of one picture, in the picture's own pixels and in its crop's.

    Attributes:
        jaw_box: smallest box around the inside of the jaw, x0, y0, x1, y1, end excluded.
        jaw: (y1 - y0, x1 - x0) bool, which of its pixels lie inside the jaw; see `jaw_mask_in_picture`.
        mouth: box around the mouth.
        crop_jaw: (size, size) bool, the inside of the jaw in the crop.
    """

    jaw_box: Box
    jaw: np.ndarray
    mouth: Box
    crop_jaw: np.ndarray

    def inside(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture (h, w, ...) in the jaw's box."""
        x0, y0, x1, y1 = self.jaw_box
        return picture[y0:y1, x0:x1]


def find_face_regions(landmarks: np.ndarray, transform: np.ndarray, size: int, shape: tuple[int, ...]) -> FaceRegions:
    """Find the lower face.

    Args:
        landmarks: (68, 2) of the real face, divided by the crop size.
        transform: (6,) from the picture's pixels to the crop's.
        size: side of the crop in pixels.
        shape: of the picture; height and width come first.
    """
    points = crop_to_picture(landmarks, transform, size)
    height, width = shape[:2]
    jaw = jaw_mask_in_picture(points, shape, transform, size / 2)
    x0, y0, x1, y1 = box = mask_box(jaw) or (0, 0, 0, 0)
    whole = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    return FaceRegions(
        box,
        jaw[y0:y1, x0:x1],
        mouth_box(points / (width, height), height, width),
        jaw_mask_in_picture(landmarks * size, (size, size), whole, size / 2),
    )


def crop_to_picture(landmarks: np.ndarray, transform: np.ndarray, size: int) -> np.ndarray:
    """Landmarks (..., 2), divided by the crop size, in pixels of the picture that the crop was cut from."""
    matrix = np.asarray(transform, np.float64).reshape(2, 3)
    return np.asarray(np.linalg.solve(matrix[:, :2], (landmarks * size - matrix[:, 2]).T).T)


def shift_transforms(transforms: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """Transforms (n, 6) from pixels of pictures, for parts of these that begin at a corner (column, row)."""
    result = transforms.copy()
    result[:, [2, 5]] += transforms[:, [0, 3]] * corner[0] + transforms[:, [1, 4]] * corner[1]
    return result
