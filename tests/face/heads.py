"""A head that turns: the portrait on an ellipsoid."""

from __future__ import annotations

import cv2
import numpy as np

from tests.footage import portrait, portrait_points

_AXES = (0.62, 0.95, 0.75)  # across, down, to the front, in face widths
_BACK = (60, 45, 35)


def turned(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The portrait's head turned about the vertical: (280, 280, 3) uint8 on gray, and its 68 points (68, 2)."""
    points = portrait_points()
    middle = points[27:36].mean(axis=0)
    axes = np.array(_AXES) * np.linalg.norm(points[16] - points[0])
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    y, x = np.mgrid[:280, :280] - middle[::-1, None, None]
    # Where the line of sight through (x, y) meets the turned ellipsoid: a quadratic equation in the depth z.
    a = (sin / axes[0]) ** 2 + (cos / axes[2]) ** 2
    b = 2 * x * cos * sin * (axes[2] ** -2 - axes[0] ** -2)
    c = x**2 * ((cos / axes[0]) ** 2 + (sin / axes[2]) ** 2) + (y / axes[1]) ** 2 - 1
    root = b**2 - 4 * a * c
    z = (-b + np.sqrt(np.maximum(root, 0))) / (2 * a)
    across, front = cos * x - sin * z, sin * x + cos * z
    skin = cv2.remap(
        portrait(), (across + middle[0]).astype(np.float32), (y + middle[1]).astype(np.float32), cv2.INTER_LINEAR
    )
    picture = np.full((280, 280, 3), 90, np.uint8)
    picture[root > 0] = _BACK
    seen = (root > 0) & (front > 0)
    picture[seen] = skin[seen]
    flat = points - middle
    depth = axes[2] * np.sqrt(np.maximum(1 - (flat[:, 0] / axes[0]) ** 2 - (flat[:, 1] / axes[1]) ** 2, 0))
    return picture, np.column_stack([cos * flat[:, 0] + sin * depth, flat[:, 1]]) + middle
