"""Points of MediaPipe's face mesh: which the branches refine, and which stand for the 68 of iBUG.

Left and right are the picture's.
"""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import JAW_ENDS

# fmt: off
MESH_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)
MESH_LEFT_EYE = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65,
    143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)
MESH_RIGHT_EYE = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295,
    372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
)
# From ear to ear by way of the chin: a line with a point at every one of the mesh.
MESH_JAW = (
    127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
    377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356,
)
# iBUG's points from 17 on: brows, nose, eyes, outer lips, inner lips.
MESH_INNER = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on

_CHIN = len(MESH_JAW) // 2
_HALF = JAW_ENDS[1] // 2  # steps from an ear to the chin


def to_ibug(mesh: np.ndarray) -> np.ndarray:
    """iBUG's 68 points of a mesh.

    The mesh's own points crowd at the chin. Those of the jaw are spaced evenly along its line, from each ear to the
    chin: ears and chin stay points of the mesh.

    Args:
        mesh: (n, 468, 2).

    Returns:
        (n, 68, 2), in the same units.
    """
    line = mesh[:, MESH_JAW]
    left, right = _evenly(line[:, : _CHIN + 1]), _evenly(line[:, _CHIN:])
    return np.concatenate([left, right[:, 1:], mesh[:, MESH_INNER]], axis=1)


def _evenly(line: np.ndarray) -> np.ndarray:
    """Points at equal distances along lines: (n, k, 2) -> (n, 9, 2), the ends kept."""
    steps = np.linalg.norm(np.diff(line, axis=1), axis=2)
    along = np.concatenate([np.zeros((len(line), 1)), np.cumsum(steps, axis=1)], axis=1)
    result = np.empty((len(line), _HALF + 1, 2), line.dtype)
    for points, distance, out in zip(line, along, result, strict=True):
        wanted = np.linspace(0.0, distance[-1], _HALF + 1)
        for axis in range(2):
            out[:, axis] = np.interp(wanted, distance, points[:, axis])
    return result
