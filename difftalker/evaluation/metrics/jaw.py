"""Inside the jaw: the part of a picture that is painted, in which films are compared."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.evaluation.metrics.region import bounds

_OUTLINE = np.r_[0:17, 27:36]  # jaw line, bridge and base of the nose


def jaw_region(points: np.ndarray, shape: tuple[int, ...], transform: np.ndarray, split: float) -> np.ndarray:
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
    region = bounds(mask > 0)
    if region is None:
        return mask > 0
    x0, y0, x1, y1 = region
    _, _, _, across, down, shift = np.asarray(transform, np.float64)
    row = across * np.arange(x0, x1) + down * np.arange(y0, y1)[:, None] + shift  # of the crop
    mask[y0:y1, x0:x1] &= row >= split
    return mask > 0
