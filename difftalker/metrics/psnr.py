"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

from difftalker.metrics.region import changed_region


def psnr(truth: np.ndarray, image: np.ndarray) -> float:
    """PSNR of scikit-image with data range 255, over all pixels and channels together.

    Only the part that differs is computed; the rest adds no error.

    Args:
        truth: image (h, w, 3) uint8.
        image: image of the same shape.

    Returns:
        Decibels; infinity for equal images.
    """
    region = changed_region(truth, image)
    if region is None:
        return math.inf
    x0, y0, x1, y1 = region
    inside = float(peak_signal_noise_ratio(truth[y0:y1, x0:x1], image[y0:y1, x0:x1], data_range=255))
    share = (x1 - x0) * (y1 - y0) / (truth.shape[0] * truth.shape[1])
    return inside - 10.0 * math.log10(share)


def psnr_inside(truth: np.ndarray, image: np.ndarray, mask: np.ndarray) -> float:
    """PSNR with data range 255 over the pixels of a mask and all channels.

    Args:
        truth, image: (h, w, 3) uint8.
        mask: (h, w) bool.

    Returns:
        Decibels; infinity for equal pixels, NaN for an empty mask.
    """
    if not mask.any():
        return math.nan
    error = truth[mask].astype(np.float64) - image[mask]
    mean = float((error**2).mean())
    return 10.0 * math.log10(255.0**2 / mean) if mean else math.inf
