"""Visible blocks: gradients at the borders of a grid of 8 x 8 pixels against those elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

BLOCK = 8  # pixels of the crop


class Gradients(NamedTuple):
    """Sums of absolute differences of neighbouring pixels and their numbers, at block borders and elsewhere."""

    at_borders: float
    borders: int
    elsewhere: float
    others: int


def block_gradients(image: np.ndarray, mask: np.ndarray) -> Gradients:
    """Differences of the luminance of horizontal and vertical neighbours.

    Args:
        image: RGB crop (h, w, 3) uint8; its blocks begin at columns and rows that are multiples of 8.
        mask: (h, w) bool; pairs of which both pixels lie inside count.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.int32)
    sums, counts = [0.0, 0.0], [0, 0]
    for values, inside in ((grey, mask), (grey.T, mask.T)):
        difference = np.abs(np.diff(values, axis=1))
        counted = inside[:, 1:] & inside[:, :-1]
        border = np.arange(1, values.shape[1]) % BLOCK == 0
        for place, columns in enumerate((border, ~border)):
            sums[place] += float(difference[:, columns][counted[:, columns]].sum())
            counts[place] += int(counted[:, columns].sum())
    return Gradients(sums[0], counts[0], sums[1], counts[1])


def block_ratio(found: Iterable[Gradients]) -> float:
    """Mean gradient at block borders over that elsewhere, of all images together; NaN where there is none."""
    at_borders, borders, elsewhere, others = (sum(column) for column in zip(*found, strict=True))
    if not borders or not elsewhere:
        return float("nan")
    return float((at_borders / borders) / (elsewhere / others))
