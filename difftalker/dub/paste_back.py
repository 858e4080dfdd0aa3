"""A painted crop back in its picture."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.media.planes import Area, Picture


def put_back(picture: Picture, crop: np.ndarray, mask: np.ndarray, transform: np.ndarray) -> None:
    """Blend a painted crop into its picture, in place.

    Args:
        picture: the source.
        crop: (size, size, 3) float32 RGB, 0 to 255.
        mask: weight of the crop, (size, size) float32; nothing changes where it is 0.
        transform: (6,) from source to crop pixels.
    """
    matrix = np.asarray(transform, np.float64).reshape(2, 3)
    area = _area(mask, matrix, picture.rgb.shape)
    if area is None:
        return
    rows, columns = area
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (columns.start, rows.start)
    extent = (columns.stop - columns.start, rows.stop - rows.start)
    inverse = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    weight = cv2.warpAffine(mask, shifted, extent, flags=inverse)
    inverse = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    content = cv2.warpAffine(crop, shifted, extent, flags=inverse, borderMode=cv2.BORDER_REPLICATE)
    difference = weight[..., None] * (content.clip(0, 255) - picture.rgb[area])
    picture.add(area, difference)


def _area(mask: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> Area | None:
    """The source rows and columns under the mask, widened to multiples of 4."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    corners = np.array([(x, y) for x in (columns[0] - 1, columns[-1] + 1) for y in (rows[0] - 1, rows[-1] + 1)], float)
    source = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T).T
    low = np.floor(source.min(axis=0) / 4).astype(int) * 4
    high = np.ceil((source.max(axis=0) + 1) / 4).astype(int) * 4
    left, top = (int(value) for value in np.maximum(low, 0))
    right, bottom = min(int(high[0]), shape[1]), min(int(high[1]), shape[0])
    return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None
