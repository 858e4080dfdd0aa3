"""A painted crop back in its picture, and a small visible note that the film is generated."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.media.planes import Picture, PictureArea

LABEL_TEXT = "AI-generated"

_HEIGHT = 1 / 30  # of a letter, in picture heights
_SMALLEST = 7  # pixels


def blend_crop(picture: Picture, crop: np.ndarray, mask: np.ndarray, transform: np.ndarray) -> None:
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


def _area(mask: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> PictureArea | None:
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


def burn_in_label(picture: Picture) -> None:
    """Write the note into the picture's lower left corner, light on a dark edge, in place."""
    height, width = picture.rgb.shape[:2]
    letters = max(height * _HEIGHT, _SMALLEST)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, letters / 22
    thick = max(1, round(scale * 1.5))
    (across, up), below = cv2.getTextSize(LABEL_TEXT, font, scale, thick)
    left, bottom = round(letters), height - round(letters)
    rows = slice(max(bottom - up - 2 * thick, 0) // 4 * 4, min(height, bottom + below + 2 * thick))
    columns = slice(max(left - 2 * thick, 0) // 4 * 4, min(width, left + across + 2 * thick))
    origin = (left - columns.start, bottom - rows.start)
    letter, edge = (np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8) for _ in range(2))
    cv2.putText(edge, LABEL_TEXT, origin, font, scale, 255, 3 * thick, cv2.LINE_AA)
    cv2.putText(letter, LABEL_TEXT, origin, font, scale, 255, thick, cv2.LINE_AA)
    light, weight = (part.astype(np.float32)[..., None] / 255 for part in (letter, np.maximum(edge, letter)))
    picture.add((rows, columns), weight * (235 * light + 20 * (1 - light) - picture.rgb[rows, columns]))
