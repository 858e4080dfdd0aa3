"""Which faces can be painted on: those turned and shaped as in the training footage."""

from __future__ import annotations

import numpy as np

from difftalker.completion.network import LandmarkCompletion
from difftalker.face.shots import shot_slices
from difftalker.face.topology import CONDITION, JAW_ENDS

NOSE_TIP = 30
FADE_PICTURES = 4  # pictures over which painting begins and ends beside pictures that are left alone

_TURN_SLACK = 0.08  # of the face's width that the nose may go beyond what the training showed
_SHAPE_SLACK = 2.0  # times the most extreme training frame


def head_turn(landmarks: np.ndarray) -> np.ndarray:
    """Where the nose's tip is between the ends of the jaw line: (n, 68, 2) -> (n,), 0.5 from the front."""
    left, right = landmarks[:, JAW_ENDS[0]], landmarks[:, JAW_ENDS[1]]
    across = right - left
    along = ((landmarks[:, NOSE_TIP] - left) * across).sum(axis=1)
    return np.asarray(along / np.maximum((across**2).sum(axis=1), 1e-12))


def shape_deviation(points: np.ndarray, model: LandmarkCompletion) -> np.ndarray:
    """Root mean square deviation of the given points from the network's mean shape, in standard deviations.

    Args:
        points: landmarks in the head's frame, (n, 68, 2); the points `CONDITION` are read.
        model: the speaker's landmark network.

    Returns:
        (n,) float64.
    """
    deviation = (points - model.mean_shape.cpu().numpy())[:, CONDITION] / model.scale.cpu().numpy()[CONDITION]
    return np.sqrt(np.square(deviation, dtype=np.float64).mean((1, 2)))


def is_within_training(
    landmarks: np.ndarray, deviations: np.ndarray, turns: tuple[float, float], extreme: float
) -> np.ndarray:
    """Pictures whose face is turned and shaped as in the training footage, or nearly: (n,) bool.

    Args:
        landmarks: (n, 68, 2), over the crop size.
        deviations: their `shape_deviation`, (n,).
        turns: lowest and highest `head_turn` in the training footage.
        extreme: highest `shape_deviation` there.
    """
    turned = head_turn(landmarks)
    near = (turned > turns[0] - _TURN_SLACK) & (turned < turns[1] + _TURN_SLACK)
    return np.asarray(near & (deviations < _SHAPE_SLACK * max(extreme, 1.0)))


def painting_opacity(valid: np.ndarray, shots: np.ndarray) -> np.ndarray:
    """How much of the painting is shown in every picture.

    Args:
        valid: (n,) bool, which pictures can be painted on.
        shots: number of every picture's shot, (n,), rising.

    Returns:
        (n,) float32: 0 where it cannot be, rising to 1 over `FADE_PICTURES` pictures beside; but not across a cut.
    """
    parts = [_fade(valid[part]) for part in shot_slices(shots)]
    return np.concatenate(parts).astype(np.float32)


def _fade(valid: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(~valid)
    if not len(bad):
        return np.ones(len(valid))
    index = np.arange(len(valid))
    after = np.searchsorted(bad, index)
    before, behind = bad[np.maximum(after - 1, 0)], bad[np.minimum(after, len(bad) - 1)]
    return np.clip(np.minimum(np.abs(index - behind), np.abs(index - before)) / FADE_PICTURES, 0.0, 1.0)
