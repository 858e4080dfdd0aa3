"""The jaw follows the mouth, so that both follow the speech and not the base footage.

The landmark network completes the lower contour from the upper points alone (paper, section 2.3). Without their quick
motion (see `head_frame.smooth_in_head_frame`) it is the contour of a face that does not speak. What speech adds to it
is a linear function of the mouth, fitted to what the network makes of the training footage when it is driven in the
same way. Points are in the head's frame.
"""

from __future__ import annotations

import numpy as np

from difftalker.face.topology import CONTOUR, MOUTH

_PENALTY = 1e-2  # of the ridge regression, over the mean power of the mouth's coordinates


def fit_jaw(points: np.ndarray, driven: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Ridge regression of what the network's contour lacks on the network's mouth.

    The network's mouth, not the true one: its errors would be multiplied by weights that were fitted without them.

    Args:
        points: training footage, (n, 68, 2).
        driven: the same frames completed from smoothed upper points and their sound, (n, 68, 2).
        shape: the landmark network's mean shape (68, 2).

    Returns:
        (41, 18) float32: weights of the mouth's 40 coordinates less the mean shape's, then the constant.
    """
    lacking = (points - driven)[:, CONTOUR].reshape(len(points), -1)
    mouth = (driven - shape)[:, MOUTH].reshape(len(points), -1)
    inputs = np.concatenate([mouth, np.ones((len(mouth), 1))], axis=1).astype(np.float64)
    penalty = _PENALTY * len(mouth) * float((mouth**2).mean()) * np.diag([1.0] * mouth.shape[1] + [0.0])
    gram = inputs.T @ inputs + penalty + 1e-12 * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, inputs.T @ lacking).astype(np.float32)


def apply_jaw(points: np.ndarray, shape: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Let the lower contour follow the mouth.

    Args:
        points: completed landmarks, (n, 68, 2).
        shape: the landmark network's mean shape (68, 2).
        jaw: what `fit_jaw` found, (41, 18).

    Returns:
        (n, 68, 2) float32; only the lower contour differs.
    """
    moved = (points - shape)[:, MOUTH].reshape(len(points), -1) @ jaw[:-1] + jaw[-1]
    result = np.array(points, np.float32)
    result[:, CONTOUR] += moved.reshape(len(points), -1, 2).astype(np.float32)
    return result
