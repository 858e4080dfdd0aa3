"""How far the mouth opens: what the landmark network says, on the scale of the speaker.

A network trained on squared distances gives the mean of all mouths that may go with a sound. Means are less open than
the wide ones and never quite closed. The order of its openings is right, though. So each of them is replaced by the
opening that stands at the same place in the order of the speaker's own openings (quantile matching, as in histogram
specification; Gonzalez and Woods, Digital Image Processing). Closed lips are by far the most frequent opening of a
speaker, so that lips close again where the network brings them close to each other. Openings are measured in the
head's frame.
"""

from __future__ import annotations

import numpy as np

from difftalker.completion.edit import lip_gaps, scale_opening

_WIDEST = 0.998  # quantile: a few wide openings are errors of the detector
_MIDDLE = 1  # of the three gaps
_LEAST = 1e-6  # an opening that cannot be scaled
_MOST = 4.0  # gain: the corners' gaps grow along with the middle's


def fit_opening(points: np.ndarray, driven: np.ndarray, levels: int) -> np.ndarray:
    """Openings of the landmark network, and those of the speaker at the same quantiles.

    Args:
        points: training footage in the head's frame, (n, 68, 2).
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
        points: completed landmarks in the head's frame, (n, 68, 2).
        curve: what `fit_opening` found, (2, 65).

    Returns:
        (n, 68, 2) of the same dtype; only lip points differ. No mouth opens wider than the speaker's widest.
    """
    found = _opening(points)
    wanted = np.interp(found, curve[0], np.maximum(curve[1], 0.0))
    gain = np.where(found > _LEAST, wanted / np.maximum(found, _LEAST), 0.0)
    return scale_opening(points, np.minimum(gain, _MOST))


def _opening(points: np.ndarray) -> np.ndarray:
    """Gap between the middles of the inner lips: (n, 68, 2) -> (n,)."""
    return lip_gaps(points)[0][:, _MIDDLE]
