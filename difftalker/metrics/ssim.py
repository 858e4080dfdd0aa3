"""Structural similarity."""

from __future__ import annotations

import math

import numpy as np
from skimage.metrics import structural_similarity

from difftalker.metrics.region import bounds, changed_region

_REACH = 3  # scikit-image's default window of 7 x 7 pixels looks this far


def ssim(truth: np.ndarray, image: np.ndarray) -> float:
    """SSIM of scikit-image with its defaults (7 x 7 uniform window) and data range 255, mean over the channels.

    Only the part that differs is computed: SSIM is 1 at every pixel whose window does not reach it.

    Args:
        truth: image (h, w, 3) uint8, sides of at least 7 pixels.
        image: image of the same shape.

    Returns:
        At most 1, the value for equal images.
    """
    region = changed_region(truth, image)
    height, width = truth.shape[:2]
    if region is None:
        return 1.0
    x0, y0, x1, y1 = region
    # scikit-image leaves a border of the window's reach out of the mean.
    left, top = max(x0 - _REACH, _REACH), max(y0 - _REACH, _REACH)
    right, bottom = min(x1 + _REACH, width - _REACH), min(y1 + _REACH, height - _REACH)
    patch = slice(top - _REACH, bottom + _REACH), slice(left - _REACH, right + _REACH)
    inside = float(structural_similarity(truth[patch], image[patch], channel_axis=-1, data_range=255))
    share = (bottom - top) * (right - left) / ((height - 2 * _REACH) * (width - 2 * _REACH))
    return 1.0 - (1.0 - inside) * share


def ssim_inside(truth: np.ndarray, image: np.ndarray, mask: np.ndarray) -> float:
    """Mean over the pixels of a mask of scikit-image's map of SSIM; windows reach 3 pixels beyond the mask.

    Args:
        truth, image: (h, w, 3) uint8.
        mask: (h, w) bool. Pixels nearer than 3 to the picture's edge are left out, as in `ssim`.

    Returns:
        At most 1, the value for equal images; NaN where the mask is empty.
    """
    height, width = mask.shape
    inner = np.zeros_like(mask)
    inside = slice(_REACH, height - _REACH), slice(_REACH, width - _REACH)
    inner[inside] = mask[inside]
    region = bounds(inner)
    if region is None:
        return math.nan
    x0, y0, x1, y1 = region
    patch = slice(y0 - _REACH, y1 + _REACH), slice(x0 - _REACH, x1 + _REACH)
    _, found = structural_similarity(truth[patch], image[patch], channel_axis=-1, data_range=255, full=True)
    return float(found[inner[patch]].mean())
