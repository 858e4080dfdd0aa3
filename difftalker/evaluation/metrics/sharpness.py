"""Sharpness of the mouth: variance of the Laplacian."""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.evaluation.metrics.region import Region

MOUTH = slice(48, 68)
MARGIN = 0.25  # of the mouth's width and height, on each side


def mouth_region(landmarks: np.ndarray, height: int, width: int) -> Region:
    """Pixels around the mouth.

    Args:
        landmarks: (68, 2), divided by width and height of the image.
        height: of the image.
        width: of the image.

    Returns:
        x0, y0, x1, y1, end excluded, inside the image and at least 2 pixels wide and high.
    """
    mouth = landmarks[MOUTH].astype(np.float64)
    low, high = mouth.min(axis=0), mouth.max(axis=0)
    margin = MARGIN * (high - low)
    x0, y0 = np.floor((low - margin) * (width, height)).astype(int)
    x1, y1 = np.ceil((high + margin) * (width, height)).astype(int)
    x0, y0 = int(np.clip(x0, 0, width - 2)), int(np.clip(y0, 0, height - 2))
    return x0, y0, int(np.clip(x1, x0 + 2, width)), int(np.clip(y1, y0 + 2, height))


def sharpness(image: np.ndarray, region: Region) -> float:
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
