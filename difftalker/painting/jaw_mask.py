"""The part of a crop that is painted: a soft mask that follows the jaw.

The same mask weighs the training losses, blends the painted face into its picture, and bounds what is measured.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from difftalker.face.topology import JAW_ENDS
from difftalker.painting.diffusion.upper_face import FEATHER

# In face widths: how far beyond the jaw line the weight reaches 0, and over which distance it falls. Beside the face
# it ends near the jaw line, so that ears and hair stay the source's; below the chin, skin and shadow move with speech.
_BESIDE, _BELOW = 0.02, 0.14
_FALL = 0.11
_EDGE = 1 / 32  # of the crop's side over which the weight falls towards the crop's border
_DIRECTIONS = 48  # in which the extent of the jaw is taken
_CELLS = 32  # of a side: distances are smooth, and enlarged from so many
_JAW = slice(JAW_ENDS[0], JAW_ENDS[1] + 1)


def jaw_mask(landmarks: np.ndarray, size: int, others: np.ndarray | None = None) -> np.ndarray:
    """Where the painted face counts.

    Args:
        landmarks: (n, 68, 2), over the crop size.
        size: side of the crop in pixels.
        others: landmarks of other jaws in the same crops, (n, 68, 2), which the mask covers too: neither jaw may show
            beside the other.

    Returns:
        (n, size, size) float32 in [0, 1], smooth: 1 on mouth and chin; 0 beyond the jaw, on the crop's outermost
        pixels, and above the band of `upper_face.FEATHER` over the split.
    """
    jaw = landmarks[:, _JAW] if others is None else np.concatenate([landmarks[:, _JAW], others[:, _JAW]], axis=1)
    jaw = jaw.astype(np.float32)
    width = np.linalg.norm(jaw[:, JAW_ENDS[1]] - jaw[:, JAW_ENDS[0]], axis=1)  # (n,)
    normals, along = _directions()
    # The hull is where no direction's extent is exceeded; by how much the worst one is, is the distance to the hull.
    reach = _BESIDE + (_BELOW - _BESIDE) * np.clip(normals[:, 1], 0.0, 1.0) ** 2
    extent = (jaw @ normals.T).max(axis=1) + width[:, None] * reach  # (n, directions)
    frame, top = _frame(size)
    masks = np.zeros((len(landmarks), size, size), np.float32)
    for mask, limit, fall in zip(masks, extent, np.maximum(_FALL * width, 1e-6), strict=True):
        inside = (limit[:, None] - along).min(axis=0).reshape(_CELLS, _CELLS) / fall
        shown = mask[top:]
        shown[:] = cv2.resize(inside, (size, size), interpolation=cv2.INTER_LINEAR)[top:]
        _smooth(shown)
        shown *= frame
    return masks


@lru_cache(maxsize=1)
def _directions() -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (directions, 2), and the cells' places along each of them (directions, cells ** 2)."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    centres = (np.arange(_CELLS, dtype=np.float32) + 0.5) / _CELLS
    places = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    return normals, normals @ places.T


@lru_cache(maxsize=8)
def _frame(size: int) -> tuple[np.ndarray, int]:
    """The weight's rise over the split and its fall towards the crop's border, (rows, size), and the first row."""
    half, band = size // 2, round(size * FEATHER)
    index = np.arange(size, dtype=np.float32)
    rise = _smooth((index - (half - band) + 0.5) / max(band, 1))
    edge = _smooth(np.minimum(index, size - 1 - index) / max(_EDGE * size, 1.0))
    return ((rise * edge)[half - band :, None] * edge), half - band


def _smooth(values: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1 without a bend that the eye sees, in place."""
    np.clip(values, 0.0, 1.0, out=values)
    slope = 3.0 - 2.0 * values
    values *= values
    values *= slope
    return values
