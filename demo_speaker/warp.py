"""Thin-plate-spline image maps: from where in the portrait each output pixel is taken."""

from __future__ import annotations

import cv2
import numpy as np

GRID_STEP = 6
"""Output pixels between the nodes where the spline is evaluated; between them the map is interpolated."""


def _kernel(squared: np.ndarray) -> np.ndarray:
    """r^2 log r^2 with its limit 0 at r = 0, in place of the (float) squared distances."""
    return squared * np.log(np.maximum(squared, 1e-12))


def backward_map(destination: np.ndarray, source: np.ndarray, size: tuple[int, int], first_row: int = 0) -> np.ndarray:
    """The smoothest map that takes each destination point to its source point.

    destination: (n, 2) float64, output pixels; source: (n, 2) float64, portrait pixels. size: (rows, columns) of the
    map, whose first row is output row `first_row`. Returns (rows, columns, 2) float32 portrait coordinates for
    `cv2.remap`. Destination points must be distinct.
    """
    rows, columns = size
    count = len(destination)
    # Coordinates of order one keep the linear system well conditioned.
    centre, scale = destination.mean(0), 0.01
    points = (destination - centre) * scale
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(squared)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :] = points
    system[count + 1 :, :count] = points.T
    target = np.zeros((count + 3, 2))
    target[:count] = source
    weights = np.linalg.solve(system, target).astype(np.float32)

    x = (np.arange(-GRID_STEP, columns + 2 * GRID_STEP, GRID_STEP) - centre[0]) * scale
    y = (np.arange(-GRID_STEP, rows + 2 * GRID_STEP, GRID_STEP) + first_row - centre[1]) * scale
    # Squared distances from per-axis tables: two small outer differences instead of a full one.
    dx = ((x[:, None] - points[None, :, 0]) ** 2).astype(np.float32)
    dy = ((y[:, None] - points[None, :, 1]) ** 2).astype(np.float32)
    basis = _kernel((dy[:, None] + dx[None]).reshape(-1, count))
    nodes = (basis @ weights[:count]).reshape(len(y), len(x), 2)
    nodes += weights[count] + x[None, :, None].astype(np.float32) * weights[count + 1]
    nodes += y[:, None, None].astype(np.float32) * weights[count + 2]

    # One smooth enlargement; the affine rule puts node (1, 1) exactly at output pixel (0, 0).
    enlarge = np.array([[1 / GRID_STEP, 0, 1], [0, 1 / GRID_STEP, 1]], np.float64)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(nodes, enlarge, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
