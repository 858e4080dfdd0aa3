"""What driving adds to completed landmarks: opening on the speaker's scale, rest in silence, a jaw that follows.

Amplitude. A network trained on squared distances gives the mean of all mouths that may go with a sound. Means are less
open than the wide ones and never quite closed. The order of its openings is right, though. So each of them is replaced
by the opening that stands at the same place in the order of the speaker's own openings (quantile matching, as in
histogram specification; Gonzalez and Woods, Digital Image Processing). Closed lips are by far the most frequent opening
of a speaker, so that lips close again where the network brings them close to each other.

Rest. In silence the mouth takes the speaker's own closed shape.

Jaw. The landmark network completes the lower contour from the upper points alone (paper, section 2.3). Without their
quick motion (see `head_frame.smooth_in_head_frame`) it is the contour of a face that does not speak. What speech adds
to it is a linear function of the mouth, fitted to what the network makes of the training footage when it is driven in
the same way.

All points are in the head's frame.
"""

from __future__ import annotations

import numpy as np

from difftalker.completion.edit import lip_gaps, scale_opening
from difftalker.face.topology import CONTOUR, MOUTH

_WIDEST = 0.998  # quantile: a few wide openings are errors of the detector
_MIDDLE = 1  # of the three gaps
_LEAST = 1e-6  # an opening that cannot be scaled
_MOST = 4.0  # gain: the corners' gaps grow along with the middle's
_FEW = 10  # silent frames: with fewer, the most closed mouths stand for rest
_INNER = (14, 18)  # middles of the inner lips among the mouth points
_PENALTY = 1e-2  # of the ridge regression, over the mean power of the mouth's coordinates


def fit_opening(points: np.ndarray, driven: np.ndarray, levels: int) -> np.ndarray:
    """Openings of the landmark network, and those of the speaker at the same quantiles.

    Args:
        points: training footage, (n, 68, 2).
        driven: the same frames completed from smoothed upper points and their sound, (n, 68, 2).
        levels: how many quantiles.

    Returns:
        (2, levels) float32: the network's, rising, and the speaker's.
    """
    shares = np.linspace(0.0, _WIDEST, levels)
    curve = np.stack([np.quantile(_opening(mouths), shares) for mouths in (driven, points)])
    return curve.astype(np.float32)


def match_opening(points: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Open the mouth as far as the speaker would.

    Args:
        points: completed landmarks, (n, 68, 2).
        curve: what `fit_opening` found, (2, 65).

    Returns:
        (n, 68, 2) of the same dtype; only lip points differ. No mouth opens wider than the speaker's widest.
    """
    found = _opening(points)
    wanted = np.interp(found, curve[0], np.maximum(curve[1], 0.0))
    gain = np.where(found > _LEAST, wanted / np.maximum(found, _LEAST), 0.0)
    return scale_opening(points, np.minimum(gain, _MOST))


def close_mouth_in_silence(points: np.ndarray, closed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Bring the mouth to rest where nobody speaks.

    Args:
        points: completed landmarks, (n, 68, 2).
        closed: the speaker's mouth at rest, (20, 2).
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
        points: landmarks, (n, 68, 2).
        silent: (n,) bool: nobody speaks. If there are fewer than 10 such frames, the most closed tenth of all is taken.

    Returns:
        (20, 2) float32: the median.
    """
    mouth = points[:, MOUTH]
    if silent.sum() < _FEW:
        opening = np.linalg.norm(mouth[:, _INNER[1]] - mouth[:, _INNER[0]], axis=1)
        silent = opening <= np.quantile(opening, 0.1)
    return np.median(mouth[silent], axis=0).astype(np.float32)


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


def _opening(points: np.ndarray) -> np.ndarray:
    """Gap between the middles of the inner lips: (n, 68, 2) -> (n,)."""
    return lip_gaps(points)[0][:, _MIDDLE]
