"""Changes to completed landmarks before the face is painted: how far the mouth opens, how smoothly it moves."""

from __future__ import annotations

import numpy as np

from difftalker.face.smoothing import smooth_track
from difftalker.face.topology import CONTOUR, MOUTH, RIGID

_UPPER, _LOWER = (61, 62, 63), (67, 66, 65)  # inner lips, pairs that meet when the mouth closes
_CORNERS = (48, 54)

# Share of each pair's gap by which a point moves; the outer points beside the corners take half of the nearest pair's.
_MOVES: dict[int, tuple[float, float, float]] = {
    **dict.fromkeys((61, 50, 67, 58), (1.0, 0.0, 0.0)),
    **dict.fromkeys((62, 51, 66, 57), (0.0, 1.0, 0.0)),
    **dict.fromkeys((63, 52, 65, 56), (0.0, 0.0, 1.0)),
    **dict.fromkeys((49, 59), (0.5, 0.0, 0.0)),
    **dict.fromkeys((53, 55), (0.0, 0.0, 0.5)),
}
_POINTS = np.array(sorted(_MOVES))
_SHARES = np.array([_MOVES[point] for point in _POINTS])  # (16, 3)
_SIDES = np.where(np.isin(_POINTS, (49, 50, 51, 52, 53, 61, 62, 63)), -1.0, 1.0)  # upper lip, lower lip


def lip_gaps(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gap between the inner lips, measured across the line through the corners of the mouth.

    Args:
        landmarks: (n, 68, 2), in any unit.

    Returns:
        (n, 3) the gaps from the mouth's right to its left, in that unit, below zero where the lips cross; (n, 2) the
        unit vector across the line, towards the chin.
    """
    along = landmarks[:, _CORNERS[1]] - landmarks[:, _CORNERS[0]]
    along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)  # (n, 2)
    return ((landmarks[:, _LOWER] - landmarks[:, _UPPER]) * across[:, None]).sum(-1), across


def scale_opening(landmarks: np.ndarray, gain: float | np.ndarray) -> np.ndarray:
    """Open the mouth wider or less wide about its own middle.

    The gap between the lips, measured across the line through the corners, is multiplied; half of the change goes to
    each lip. Lips keep their thickness, corners their place, and a closed mouth stays closed.

    Args:
        landmarks: (n, 68, 2), in any unit.
        gain: 1 changes nothing, 0 closes the mouth; one for all frames, or (n,).

    Returns:
        (n, 68, 2) of the same dtype; only lip points differ.
    """
    if np.all(gain == 1.0):
        return landmarks
    gaps, across = lip_gaps(landmarks)
    move = (np.reshape(gain, (-1, 1)) - 1.0) / 2 * gaps @ _SHARES.T * _SIDES  # (n, 16)
    result = landmarks.copy()
    result[:, _POINTS] += (move[..., None] * across[:, None]).astype(landmarks.dtype)
    return result


def smooth_mouth(landmarks: np.ndarray, valid: np.ndarray, width: float) -> np.ndarray:
    """Smooth the completed points over time, without delay, relative to the head.

    Args:
        landmarks: (n, 68, 2).
        valid: (n,) bool; nothing is mixed across frames without a face.
        width: standard deviation of the Gaussian in frames; 0 changes nothing.

    Returns:
        (n, 68, 2); contour and mouth smoothed, the given points as they are.
    """
    if width == 0:
        return landmarks
    head = landmarks[:, RIGID].mean(axis=1, keepdims=True)
    moved = smooth_track(landmarks - head, valid, width) + head
    result = landmarks.copy()
    completed = np.concatenate([CONTOUR, MOUTH])
    result[:, completed] = np.where(valid[:, None, None], moved[:, completed], landmarks[:, completed])
    return result
