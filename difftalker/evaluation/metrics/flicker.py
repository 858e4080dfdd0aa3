"""Flicker of pixels: second difference in time."""

from __future__ import annotations

import numpy as np


def second_difference(before: np.ndarray, here: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float:
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
