"""The 68 landmarks of iBUG 300-W (0-based) and their groups.

The split into condition, lower contour and mouth is that of DiffTalk (2023), the closest published system; the paper
gives the counts only.
"""

from __future__ import annotations

import numpy as np

POINTS = 68

CONDITION = np.array([*range(0, 4), *range(13, 48)])  # 39: upper contour, brows, nose, eyes; given
CONTOUR = np.arange(4, 13)  # 9: lower contour; completed
MOUTH = np.arange(48, 68)  # 20: completed, driven by audio
COMPLETED_POINTS = np.concatenate([CONTOUR, MOUTH])

OUTER_LIPS = np.arange(48, 60)
INNER_LIPS = np.arange(60, 68)
RIGHT_EYE = np.arange(36, 42)  # the person's right, the picture's left
LEFT_EYE = np.arange(42, 48)
JAW_ENDS = (0, 16)
NOSE_BASE = 33
RIGID = np.array([0, 16, *range(27, 37), 39, 42, 45])  # jaw ends, nose, eye corners: neither lids nor lips move them

# Lines to draw, by region: (indices, closed, RGB colour).
POLYLINES: dict[str, tuple[tuple[tuple[int, ...], bool, tuple[int, int, int]], ...]] = {
    "contour": ((tuple(range(0, 17)), False, (255, 255, 255)),),
    "brows": (
        (tuple(range(17, 22)), False, (255, 128, 0)),
        (tuple(range(22, 27)), False, (255, 128, 0)),
    ),
    "nose": (
        (tuple(range(27, 31)), False, (0, 255, 0)),
        (tuple(range(31, 36)), False, (0, 255, 0)),
    ),
    "eyes": (
        (tuple(range(36, 42)), True, (0, 128, 255)),
        (tuple(range(42, 48)), True, (0, 128, 255)),
    ),
    "outer_lips": ((tuple(range(48, 60)), True, (255, 0, 0)),),
    "inner_lips": ((tuple(range(60, 68)), True, (255, 0, 255)),),
}
