"""Filters that sum a power spectrum into bands."""

from __future__ import annotations

import numpy as np


def triangles(edges: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Triangles of height 1: band k rises from edge k to k + 1 and falls to k + 2.

    Args:
        edges: (bands + 2,), rising, in Hz.
        bins: frequencies of the spectrum, (n,), in Hz.

    Returns:
        (bands, n) float64.
    """
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))
