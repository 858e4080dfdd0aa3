"""A painted crop back in its picture, colours matched along the border of its mask."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.drive.picture import Area, Picture

_SPREAD = 1 / 10  # of the crop's side over which a difference of colours along the border is carried inwards
_ALIKE = 2.5  # times the median distance from the common difference: what is further away is no matter of light


def match_colours(painted: np.ndarray, source: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Take the difference that the two show along the mask's border off the painted crop.

    Args:
        painted, source: (size, size, 3) uint8 RGB.
        mask: (size, size) float32 that rises from 0 to 1, see `landmarks.jaw_mask`.

    Returns:
        (size, size, 3) float32, 0 to 255.
    """
    border = 4 * mask * (1 - mask)
    difference = source.astype(np.float32) - painted
    inside = border > 0
    common = np.median(difference[inside], axis=0)
    apart = np.abs(difference - common).max(axis=2)
    # Light differs smoothly; what stands apart are edges that moved. Carried inwards, they would move the face with
    # what is said in the source.
    inside &= apart <= _ALIKE * np.median(apart[inside])
    weight = np.where(inside, border, 0.0).astype(np.float32)[..., None]
    stacked = np.concatenate([weight * (difference - common), weight], axis=2)
    carried = cv2.GaussianBlur(stacked, (0, 0), max(1.0, _SPREAD * len(mask)))
    correction = common + carried[..., :3] / (carried[..., 3:] + 1e-2)
    return np.clip(painted + correction, 0.0, 255.0)


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
