"""Whether a mouth opens when and as far as it should: two series of mouth openings compared."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class OpeningScore(NamedTuple):
    """How a film's mouth opening follows the truth's.

    Attributes:
        r: Pearson's correlation.
        slope: of the least-squares line of the film's opening over the truth's; 1 where the mouth opens as far.
        sd_ratio: standard deviation of the film's opening over the truth's; a slope without the part that `r` explains.
    """

    r: float
    slope: float
    sd_ratio: float


def opening_score(truth: np.ndarray, film: np.ndarray) -> OpeningScore:
    """Compare two series of mouth openings, such as the gap of the inner lips over the face's width.

    Args:
        truth: (n,), one value per frame.
        film: (n,), of the same frames. Frames in which either is NaN are left out.

    Returns:
        The three figures; NaN where fewer than three frames are left or a series does not vary.
    """
    known = np.isfinite(truth) & np.isfinite(film)
    x, y = truth[known].astype(np.float64), film[known].astype(np.float64)
    if len(x) < 3 or np.ptp(x) == 0:
        return OpeningScore(float("nan"), float("nan"), float("nan"))
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    r = covariance / (x.std() * y.std()) if np.ptp(y) > 0 else float("nan")
    return OpeningScore(float(r), covariance / float(x.var()), float(y.std() / x.std()))
