"""How far a mouth is open, and whether it opens and closes as the speaker's does.

Lips are closed where the gap between the inner lips is below a limit taken from the speaker: a tenth of the way from
the smallest gaps of the truth to its wide ones (2nd and 95th percentile). Detectors differ in what they call zero, and
the limit follows them. Successive closed frames are one *moment*; the film closes at a moment if its gap is below the
same limit in any frame of it, or in the frame before or after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from difftalker.face.topology import JAW_ENDS

UPPER_LIP, LOWER_LIP = 62, 66  # middle of the inner lips
SAMPLE_COUNT = 8

CLOSURE_SLACK = 1  # frames by which a film's closure may be early or late
_SMALL, _WIDE = 0.02, 0.95  # quantiles of the truth's gap
_PART = 0.1


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """Distance between the middles of the inner lips: (n, 68, 2) -> (n,), in the points' units."""
    gap = landmarks[:, LOWER_LIP].astype(np.float64) - landmarks[:, UPPER_LIP]
    return np.linalg.norm(gap, axis=-1)


def sample_positions(landmarks: np.ndarray, count: int = SAMPLE_COUNT) -> np.ndarray:
    """Frames spread evenly over the ranks of mouth opening, from the most closed to the widest open.

    Args:
        landmarks: (n, 68, 2) of the ground truth.
        count: how many frames; fewer are returned when there are fewer.

    Returns:
        Indices into the frames, all different.
    """
    order = np.argsort(mouth_opening(landmarks), kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))]


def relative_opening(landmarks: np.ndarray) -> np.ndarray:
    """Gap of the inner lips over the face's width: (n, 68, 2) -> (n,), the same in every unit of the points."""
    ends = landmarks[:, JAW_ENDS[1]].astype(np.float64) - landmarks[:, JAW_ENDS[0]]
    return np.asarray(mouth_opening(landmarks) / np.linalg.norm(ends, axis=-1))


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


class ClosureScore(NamedTuple):
    """`share` of the truth's closed moments at which the film closes, NaN if there are none; and their number."""

    share: float
    moments: int


def closed_gap(gap: np.ndarray) -> float:
    """The gap below which lips count as closed, from the truth's gaps (n,); NaN values are left out."""
    known = gap[np.isfinite(gap)]
    if not len(known):
        return float("nan")
    small, wide = np.quantile(known, [_SMALL, _WIDE])
    return float(small + _PART * (wide - small))


def closure_score(truth: np.ndarray, film: np.ndarray, run: np.ndarray) -> ClosureScore:
    """Count the truth's closed moments and those at which the film closes, too.

    Args:
        truth: gap of the truth's inner lips, (n,), in time; NaN where unknown.
        film: the film's, in the same unit; NaN, where no face was found, is not closed.
        run: (n,) a label per frame; frames of one label follow each other without a hole.
    """
    limit = closed_gap(truth)
    closed = np.nan_to_num(truth, nan=np.inf) < limit
    shut = np.nan_to_num(film, nan=np.inf) < limit
    starts = np.flatnonzero(closed & ~np.r_[False, closed[:-1] & (run[1:] == run[:-1])])
    met = 0
    for start in starts:
        end = start
        while end + 1 < len(closed) and closed[end + 1] and run[end + 1] == run[start]:
            end += 1
        near = slice(max(start - CLOSURE_SLACK, 0), end + CLOSURE_SLACK + 1)
        met += bool((shut[near] & (run[near] == run[start])).any())
    return ClosureScore(met / len(starts) if len(starts) else float("nan"), len(starts))
