"""Blinks: the upper lid slides over the eyeball, as a second layer above it."""

from __future__ import annotations

import cv2
import numpy as np

# Traced lid edges in the portrait, per eye: x, y of the open upper lid, y of the lower lid.
# fmt: off
_EYES = (
    np.array([
        (193.5, 101.3, 101.6), (196, 99.6, 102.4), (198, 98.4, 103.4), (200, 98.0, 104.2), (203, 97.8, 104.6),
        (206, 98.3, 104.4), (208, 99.2, 104.1), (210, 100.8, 103.9), (212, 102.3, 103.8), (213.5, 103.4, 103.5)]),
    np.array([
        (236, 104.7, 104.9), (239, 102.8, 105.8), (241, 101.3, 106.0), (243, 100.2, 106.2), (246, 99.4, 106.7),
        (249, 99.6, 106.4), (251, 100.6, 106.0), (253, 101.7, 105.6), (255, 102.8, 105.1), (257, 103.8, 104.6),
        (258.5, 104.2, 104.4)]),
)
# fmt: on
_LASHES = 1.6
"""Height above the lid's edge that moves with it unstretched."""
_LID = 6.5
"""Height above the open lid's edge where the skin begins to give."""


def draw_lids(frame: np.ndarray, backward: np.ndarray, image: np.ndarray, blink: float) -> None:
    """Lower both upper lids by the share `blink` (0 open, 1 shut) in a frame drawn with open eyes.

    frame: (rows, columns, 3) float32, edited in place; backward: its map, (rows, columns, 2) float32 portrait
    coordinates; image: the portrait, uint8. Above the lowered edge the lid's skin is stretched; below it the eyeball
    stays as it is.
    """
    if blink <= 0:
        return
    for eye in _EYES:
        near = (backward[..., 0] > eye[0, 0]) & (backward[..., 0] < eye[-1, 0])
        near &= (backward[..., 1] > eye[:, 1].min() - _LID) & (backward[..., 1] < eye[:, 2].max() + 2)
        rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        if not len(rows):
            continue
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x, y = backward[window][..., 0], backward[window][..., 1]
        edge = np.interp(x, eye[:, 0], eye[:, 1])
        lowered = blink * (np.interp(x, eye[:, 0], eye[:, 2]) - edge)
        above = edge + lowered - y
        stretch = (_LID - _LASHES) / (_LID - _LASHES + lowered)
        skin = edge - np.where(above < _LASHES, above, _LASHES + (above - _LASHES) * stretch)
        lid = cv2.remap(image, x, skin.astype(np.float32), cv2.INTER_CUBIC)
        # Soft at the lid's edge; nothing is covered above the lid, where both layers agree, or beside the eye.
        opacity = np.clip(above / 0.8 + 0.5, 0, 1) * (above < _LID + lowered) * np.clip(lowered / 0.6, 0, 1)
        frame[window] += opacity[..., None].astype(np.float32) * (lid - frame[window])
