"""Where a face lies for the mesh: a square, turned with the head, and the picture cut out of it.

A region is centre x, centre y, side (pixels, with pixel centres at integers) and angle (radians, clockwise as seen).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from difftalker.face.mediapipe.attention_mesh import MESH_INPUT

_ROOM = 1.5  # side of the region over the larger extent of the points
_BOX = 1.8  # side of the region over that of the face box
_EYES = (33, 263)  # outer corners, which give the angle


def mesh_regions(mesh: np.ndarray) -> np.ndarray:
    """The regions around faces whose points are known: (n, 468, 2) -> (n, 4)."""
    low, high = mesh.min(axis=1), mesh.max(axis=1)
    side = _ROOM * (high - low).max(axis=1)
    along = mesh[:, _EYES[1]] - mesh[:, _EYES[0]]
    return np.column_stack([(low + high) / 2, side, np.arctan2(along[:, 1], along[:, 0])])


def upright_boxes(regions: np.ndarray) -> np.ndarray:
    """Upright squares from brows to chin, as frontal face detectors draw them: (n, 4) -> (n, 4) x0, y0, x1, y1."""
    half = regions[:, 2:3] / _BOX / 2
    return np.concatenate([regions[:, :2] - half, regions[:, :2] + half], axis=1)


def cut_region(image: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The picture of a region.

    Args:
        image: (h, w, 3) uint8.
        region: (4,).

    Returns:
        (192, 192, 3) uint8. Where the picture is reduced, a pixel is the mean over about the area that it covers; where
        it is enlarged, bilinear interpolation. Beyond the picture's edge its last pixels are repeated.
    """
    x, y, side, angle = (float(value) for value in region)
    factor = max(1, math.ceil(side / MESH_INPUT - 0.5))  # finer grid, then averaged
    pixels = MESH_INPUT * factor
    cos, sin = side / pixels * math.cos(angle), side / pixels * math.sin(angle)
    middle = (pixels - 1) / 2
    to_image = np.array([[cos, -sin, x - middle * (cos - sin)], [sin, cos, y - middle * (sin + cos)]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(image, to_image, (pixels, pixels), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return fine if factor == 1 else cv2.resize(fine, (MESH_INPUT, MESH_INPUT), interpolation=cv2.INTER_AREA)


def region_to_picture(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Points in the pictures of regions, as the network gives them, to those of the image: (n, k, 2), (n, 4)."""
    x, y, side, angle = regions.T[:, :, None]
    u, v = np.moveaxis((points / MESH_INPUT - 0.5), 2, 0) * side
    return np.stack([x + u * np.cos(angle) - v * np.sin(angle), y + u * np.sin(angle) + v * np.cos(angle)], axis=2)
