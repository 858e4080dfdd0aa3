"""Measures of pictures without a second one: sharpness, flicker in time, visible blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from difftalker.evaluation.metrics.regions import Box

BLOCK = 8  # pixels of the crop


def sharpness(image: np.ndarray, region: Box) -> float:
    """Variance of the Laplacian of the luminance inside a region.

    Args:
        image: RGB (h, w, 3) uint8.
        region: x0, y0, x1, y1 in pixels, end excluded.

    Returns:
        Variance in grey levels squared, at least 0.
    """
    x0, y0, x1, y1 = region
    left, top = max(x0 - 1, 0), max(y0 - 1, 0)  # the Laplacian looks one pixel beyond
    grey = cv2.cvtColor(image[top : y1 + 1, left : x1 + 1], cv2.COLOR_RGB2GRAY).astype(np.float64)
    return float(cv2.Laplacian(grey, cv2.CV_64F)[y0 - top : y1 - top, x0 - left : x1 - left].var())


def flicker(before: np.ndarray, here: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute second difference in time of three successive pictures.

    Motion costs it too, so it is read as a ratio to that of the real film with the same motion of the head.

    Args:
        before, here, after: (h, w, 3) uint8.
        mask: (h, w) bool, the pixels that count.

    Returns:
        The mean over pixels and channels in grey levels per frame squared; NaN for an empty mask.
    """
    if not mask.any():
        return float("nan")
    first, middle, last = (picture[mask].astype(np.int32) for picture in (before, here, after))
    return float(np.abs(last - 2 * middle + first).mean())


class BlockGradients(NamedTuple):
    """Sums of absolute differences of neighbouring pixels and their numbers, at block borders and elsewhere."""

    at_borders: float
    borders: int
    elsewhere: float
    others: int


def block_gradients(image: np.ndarray, mask: np.ndarray) -> BlockGradients:
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
    return BlockGradients(sums[0], counts[0], sums[1], counts[1])


def block_ratio(found: Iterable[BlockGradients]) -> float:
    """Mean gradient at block borders over that elsewhere, of all images together; NaN where there is none."""
    at_borders, borders, elsewhere, others = (sum(column) for column in zip(*found, strict=True))
    if not borders or not elsewhere:
        return float("nan")
    return float((at_borders / borders) / (elsewhere / others))
