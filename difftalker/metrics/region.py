"""Where two images differ: most comparisons are of images that share all but the lower face."""

from __future__ import annotations

import numpy as np

Region = tuple[int, int, int, int]


def changed_region(first: np.ndarray, second: np.ndarray) -> Region | None:
    """Smallest box around the pixels that differ.

    Args:
        first: image (h, w, 3) uint8.
        second: image of the same shape.

    Returns:
        x0, y0, x1, y1 in pixels, end excluded; None for equal images.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"images of shapes {first.shape} and {second.shape} cannot be compared")
    different = (first != second).any(axis=-1)
    rows, columns = np.flatnonzero(different.any(axis=1)), np.flatnonzero(different.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
