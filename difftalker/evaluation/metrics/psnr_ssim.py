"""Two images compared: PSNR and SSIM of the whole, of a box and inside a mask, computed once where they differ at all.

The figures are those of scikit-image with data range 255 and its defaults: SSIM has a uniform window of 7 x 7 pixels
and the unbiased covariance, and is the mean over channels and over the pixels whose window lies inside the image.
"""

from __future__ import annotations

import math
from functools import cached_property

import cv2
import numpy as np

from difftalker.evaluation.metrics.regions import Box, changed_box

_WINDOW = 7
_REACH = _WINDOW // 2
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class PictureDifference:
    """What lies between two images.

    Args:
        truth: (h, w, 3) uint8, sides of at least 7 pixels.
        image: of the same shape.

    Raises:
        ValueError: the shapes differ.
    """

    def __init__(self, truth: np.ndarray, image: np.ndarray) -> None:
        self._truth, self._image = truth, image
        self._changed = changed_box(truth, image)
        self._whole = (0, 0, truth.shape[1], truth.shape[0])

    def psnr(self, box: Box | None = None, mask: np.ndarray | None = None) -> float:
        """Peak signal-to-noise ratio over all pixels and channels.

        Args:
            box: x0, y0, x1, y1, end excluded; the whole image where absent.
            mask: of the box's height and width, bool: which of its pixels count; all where absent.

        Returns:
            Decibels; infinity where nothing differs, NaN where no pixel counts.
        """
        box = box or self._whole
        count = (box[2] - box[0]) * (box[3] - box[1]) if mask is None else int(mask.sum())
        if not count:
            return math.nan
        error = 0.0
        if self._changed is not None:
            values, inside = _overlap(self._error, self._changed, box, mask)
            error = float(values[inside].sum()) / count
        return 10.0 * math.log10(255.0**2 / error) if error else math.inf

    def ssim(self, box: Box | None = None) -> float:
        """Structural similarity of the image, or of a box taken as an image of its own: at most 1."""
        x0, y0, x1, y1 = box or self._whole
        return self._similarity((x0 + _REACH, y0 + _REACH, x1 - _REACH, y1 - _REACH), None)

    def ssim_inside(self, box: Box, mask: np.ndarray) -> float:
        """Mean of the structural similarity at the pixels of a mask; their windows reach 3 pixels beyond it.

        Args:
            box: x0, y0, x1, y1, end excluded.
            mask: of the box's height and width, bool. Pixels nearer than 3 to the image's edge are left out.

        Returns:
            At most 1; NaN where no pixel counts.
        """
        x0, y0, x1, y1 = box
        left, top = max(x0, _REACH), max(y0, _REACH)
        right, bottom = min(x1, self._whole[2] - _REACH), min(y1, self._whole[3] - _REACH)
        return self._similarity((left, top, right, bottom), mask[top - y0 : bottom - y0, left - x0 : right - x0])

    def _similarity(self, box: Box, mask: np.ndarray | None) -> float:
        count = max(box[2] - box[0], 0) * max(box[3] - box[1], 0) if mask is None else int(mask.sum())
        if not count:
            return math.nan
        if self._changed is None:
            return 1.0
        region, lacking = self._dissimilarity
        values, inside = _overlap(lacking, region, box, mask)
        return 1.0 - float(values[inside].sum()) / count

    @cached_property
    def _error(self) -> np.ndarray:
        """Squared differences, mean over the channels, where the images differ."""
        assert self._changed is not None
        x0, y0, x1, y1 = self._changed
        difference = self._truth[y0:y1, x0:x1].astype(np.float64) - self._image[y0:y1, x0:x1]
        return np.asarray((difference * difference).mean(axis=2))

    @cached_property
    def _dissimilarity(self) -> tuple[Box, np.ndarray]:
        """1 less the structural similarity, and the box in which it is not 0."""
        assert self._changed is not None
        x0, y0, x1, y1 = self._changed
        left, top = max(x0 - _REACH, _REACH), max(y0 - _REACH, _REACH)
        right, bottom = min(x1 + _REACH, self._whole[2] - _REACH), min(y1 + _REACH, self._whole[3] - _REACH)
        patch = slice(top - _REACH, bottom + _REACH), slice(left - _REACH, right + _REACH)
        inner = slice(_REACH, -_REACH), slice(_REACH, -_REACH)
        return (left, top, right, bottom), 1.0 - ssim_map(self._truth[patch], self._image[patch])[inner].mean(axis=2)


def ssim_map(truth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Structural similarity per pixel and channel, (h, w, 3) float64; nearer than 3 to the edge without meaning."""
    x, y = truth.astype(np.float64), image.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, cv2.CV_64F, (_WINDOW, _WINDOW))

    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    mx, my = mean(x), mean(y)
    vx, vy = unbiased * (mean(x * x) - mx * mx), unbiased * (mean(y * y) - my * my)
    covariance = unbiased * (mean(x * y) - mx * my)
    above = (2 * mx * my + _C1) * (2 * covariance + _C2)
    return np.asarray(above / ((mx * mx + my * my + _C1) * (vx + vy + _C2)))


def _overlap(values: np.ndarray, region: Box, box: Box, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The part of the values of a region that lies in a box, and which of it count."""
    x0, y0 = max(region[0], box[0]), max(region[1], box[1])
    x1, y1 = max(min(region[2], box[2]), x0), max(min(region[3], box[3]), y0)
    part = values[y0 - region[1] : y1 - region[1], x0 - region[0] : x1 - region[0]]
    if mask is None:
        return part, np.ones(part.shape, bool)
    return part, mask[y0 - box[1] : y1 - box[1], x0 - box[0] : x1 - box[0]]
