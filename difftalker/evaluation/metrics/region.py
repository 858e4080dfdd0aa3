"""Boxes in an image: around a part of it, around what differs from another."""

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
    return bounds((first != second).any(axis=-1))


def bounds(mask: np.ndarray) -> Region | None:
    """Smallest box around the true pixels of (h, w) bool: x0, y0, x1, y1, end excluded; None where there is none."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
