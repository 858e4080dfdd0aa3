"""The mouth at rest: the speaker's own closed shape, and the way to it in silence. Points are in the head's frame."""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import MOUTH

_FEW = 10  # frames
_INNER = (14, 18)  # middles of the inner lips among the mouth points


def close_mouth_in_silence(points: np.ndarray, closed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Bring the mouth to rest where nobody speaks.

    Args:
        points: completed landmarks in the head's frame, (n, 68, 2).
        closed: the speaker's mouth at rest in that frame, (20, 2).
        weight: how far the mouth is at rest, (n,) in [0, 1]; see `voice_activity.silence_weight`.

    Returns:
        (n, 68, 2) float32; only the mouth differs.
    """
    result = np.array(points, np.float32)
    result[:, MOUTH] += weight[:, None, None] * (closed - result[:, MOUTH])
    return result


def fit_closed_mouth(points: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """The speaker's mouth at rest, from the training footage.

    Args:
        points: landmarks in the head's frame, (n, 68, 2).
        silent: (n,) bool: nobody speaks. If there are fewer than 10 such frames, the most closed tenth of all is taken.

    Returns:
        (20, 2) float32: the median.
    """
    mouth = points[:, MOUTH]
    if silent.sum() < _FEW:
        opening = np.linalg.norm(mouth[:, _INNER[1]] - mouth[:, _INNER[0]], axis=1)
        silent = opening <= np.quantile(opening, 0.1)
    return np.median(mouth[silent], axis=0).astype(np.float32)
