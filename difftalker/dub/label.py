"""A small visible note that a film is generated."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.media.planes import Picture

TEXT = "AI-generated"

_HEIGHT = 1 / 30  # of a letter, in picture heights
_SMALLEST = 7  # pixels


def burn_in(picture: Picture) -> None:
    """Write the note into the picture's lower left corner, light on a dark edge, in place."""
    height, width = picture.rgb.shape[:2]
    letters = max(height * _HEIGHT, _SMALLEST)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, letters / 22
    thick = max(1, round(scale * 1.5))
    (across, up), below = cv2.getTextSize(TEXT, font, scale, thick)
    left, bottom = round(letters), height - round(letters)
    rows = slice(max(bottom - up - 2 * thick, 0) // 4 * 4, min(height, bottom + below + 2 * thick))
    columns = slice(max(left - 2 * thick, 0) // 4 * 4, min(width, left + across + 2 * thick))
    origin = (left - columns.start, bottom - rows.start)
    letter, edge = (np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8) for _ in range(2))
    cv2.putText(edge, TEXT, origin, font, scale, 255, 3 * thick, cv2.LINE_AA)
    cv2.putText(letter, TEXT, origin, font, scale, 255, thick, cv2.LINE_AA)
    light, weight = (part.astype(np.float32)[..., None] / 255 for part in (letter, np.maximum(edge, letter)))
    picture.add((rows, columns), weight * (235 * light + 20 * (1 - light) - picture.rgb[rows, columns]))
