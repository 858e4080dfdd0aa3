"""Put a face crop back into the picture that it was cut from."""

from __future__ import annotations

import cv2
import numpy as np


def paste(frame: np.ndarray, crop: np.ndarray, transform: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Blend a crop into its source picture.

    Args:
        frame: (h, w, 3) uint8 RGB, the source picture.
        crop: (size, size, 3) uint8 RGB, at the crop's place but with other content.
        transform: (6,) from source to crop pixels, as in the crop geometry.
        mask: (size, size) float32 in [0, 1], the crop's weight; 0 at its border, see `feathered_mask`. By default the
            lower half, feathered over size / 16 pixels.

    Returns:
        (h, w, 3) uint8; equal to `frame` wherever the mask is 0.
    """
    if mask is None:
        size = len(crop)
        mask = feathered_mask(np.broadcast_to(np.arange(size)[:, None] > size // 2, (size, size)), size / 16)
    matrix = np.asarray(transform, np.float64).reshape(2, 3)
    height, width = frame.shape[:2]
    # WARP_INVERSE_MAP: `matrix` tells where in the crop a source pixel lies.
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    weight = cv2.warpAffine(mask.astype(np.float32), matrix, (width, height), flags=flags)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    content = cv2.warpAffine(crop, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.flatnonzero(weight.any(axis=1)), np.flatnonzero(weight.any(axis=0))
    result = frame.copy()
    if len(rows):
        inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        w = weight[inside][..., None]
        mixed = w * content[inside] + (1 - w) * frame[inside]
        result[inside] = np.where(w > 0, np.rint(mixed), frame[inside]).astype(np.uint8)
    return result


def feathered_mask(region: np.ndarray, feather: float) -> np.ndarray:
    """A mask that falls from 1 to 0 inside a region.

    Args:
        region: (size, size) bool, what may be replaced.
        feather: width of the band in pixels over which the weight rises linearly from the region's border inwards.

    Returns:
        (size, size) float32 in [0, 1]; 0 outside the region and on the image's outermost pixels.
    """
    inner = np.zeros_like(region, dtype=np.uint8)
    inner[1:-1, 1:-1] = region[1:-1, 1:-1]
    distance = cv2.distanceTransform(inner, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.clip(distance / max(feather, 1.0), 0.0, 1.0).astype(np.float32)
