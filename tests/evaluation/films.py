"""A short film of a portrait that speaks: the mouth is drawn, the sound is as loud as it is open."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tests.footage import portrait, portrait_points

COUNT = 20


@lru_cache(maxsize=1)
def film() -> tuple[list[np.ndarray], np.ndarray]:
    """Pictures (280, 280, 3) uint8 RGB and their sound (n,) int16."""
    rng = np.random.default_rng(0)
    opening = rng.uniform(2, 12, COUNT)
    mouth = portrait_points()[48:68]
    centre, pictures = mouth.mean(axis=0), []
    for index, height in enumerate(opening):
        picture = portrait().copy()
        for axes, colour in (((17, height + 6), (176, 84, 84)), ((13, height), (52, 14, 20))):
            box = (tuple(map(float, centre)), (2 * axes[0], float(axes[1])), 0.0)
            cv2.ellipse(picture, box, colour, -1, cv2.LINE_AA)
        move = np.array([[1, 0, 2 * np.sin(index / 5)], [0, 1, np.cos(index / 7)]])
        pictures.append(cv2.warpAffine(picture, move, (280, 280), borderMode=cv2.BORDER_REPLICATE))
    loudness = np.repeat(opening / 12, 640)
    return pictures, (rng.normal(size=640 * COUNT) * loudness * 5000).clip(-32768, 32767).astype(np.int16)


def softened(picture: np.ndarray) -> np.ndarray:
    """The picture with a blurred lower part."""
    soft = picture.copy()
    soft[85:] = cv2.GaussianBlur(picture, (0, 0), 1.5)[85:]
    return soft
