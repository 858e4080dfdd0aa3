"""Completed landmarks as a picture: what the upper branch reads."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from difftalker.compute.device import to_device

RASTER_CHANNELS = 5

# (channel, points, closed) over iBUG-68 indices. Each region has a channel of its own, so that lines which cross or
# touch (closed lips) stay distinct.
_LINES: tuple[tuple[int, range, bool], ...] = (
    (0, range(0, 17), False),  # face contour
    (1, range(17, 22), False),  # eyebrows
    (1, range(22, 27), False),
    (1, range(36, 42), True),  # eyes
    (1, range(42, 48), True),
    (2, range(27, 31), False),  # nose
    (2, range(31, 36), False),
    (3, range(48, 60), True),  # outer lips
    (4, range(60, 68), True),  # inner lips
)
_SHIFT = 6  # OpenCV takes fixed-point coordinates: 1/64 pixel


def rasterise(landmarks: np.ndarray, size: int, device: torch.device) -> Tensor:
    """Draw landmarks as anti-aliased lines, one channel a region; the inner mouth is filled.

    OpenCV draws bytes on the CPU, 0.3 ms for a frame of 512 px; they become numbers on the device, which takes the CPU
    thirty times as long. Lines drawn there would be smoothed otherwise: another picture than a face was trained with.

    Args:
        landmarks: (b, 68, 2) float, x and y over the crop size.
        size: side of the raster in pixels.
        device: where the network is that reads it.

    Returns:
        (b, 5, size, size) float32 in [0, 1] on the device: contour, brows and eyes, nose, outer lips, inner mouth.
    """
    thickness = max(1, round(size / 128))
    fixed = np.rint(np.clip((landmarks * size - 0.5), -size, 2 * size) * 2**_SHIFT).astype(np.int32)
    raster = np.zeros((len(landmarks), RASTER_CHANNELS, size, size), np.uint8)
    for canvas, points in zip(raster, fixed, strict=True):
        for channel, indices, closed in _LINES:
            line = points[indices].reshape(1, -1, 2)
            cv2.polylines(canvas[channel], line, closed, 255, thickness, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(canvas[4], points[60:68].reshape(1, -1, 2), 255, cv2.LINE_AA, _SHIFT)
    return to_device(raster, device).float().div_(255)
