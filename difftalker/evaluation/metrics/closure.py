"""Closure: whether a film's lips close where the speaker's do, as on b, p and m.

Lips are closed where the gap between the inner lips is below a limit taken from the speaker: a tenth of the way from
the smallest gaps of the truth to its wide ones (2nd and 95th percentile). Detectors differ in what they call zero, and
the limit follows them. Successive closed frames are one *moment*; the film closes at a moment if its gap is below the
same limit in any frame of it, or in the frame before or after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SLACK = 1  # frames by which a film's closure may be early or late
_SMALL, _WIDE = 0.02, 0.95  # quantiles of the truth's gap
_PART = 0.1


class ClosureScore(NamedTuple):
    """`share` of the truth's closed moments at which the film closes, NaN if there are none; and their number."""

    share: float
    moments: int


def closed_below(gap: np.ndarray) -> float:
    """The gap below which lips count as closed, from the truth's gaps (n,); NaN values are left out."""
    known = gap[np.isfinite(gap)]
    if not len(known):
        return float("nan")
    small, wide = np.quantile(known, [_SMALL, _WIDE])
    return float(small + _PART * (wide - small))


def closure(truth: np.ndarray, film: np.ndarray, run: np.ndarray) -> ClosureScore:
    """Count the truth's closed moments and those at which the film closes, too.

    Args:
        truth: gap of the truth's inner lips, (n,), in time; NaN where unknown.
        film: the film's, in the same unit; NaN, where no face was found, is not closed.
        run: (n,) a label per frame; frames of one label follow each other without a hole.
    """
    limit = closed_below(truth)
    closed = np.nan_to_num(truth, nan=np.inf) < limit
    shut = np.nan_to_num(film, nan=np.inf) < limit
    starts = np.flatnonzero(closed & ~np.r_[False, closed[:-1] & (run[1:] == run[:-1])])
    met = 0
    for start in starts:
        end = start
        while end + 1 < len(closed) and closed[end + 1] and run[end + 1] == run[start]:
            end += 1
        near = slice(max(start - SLACK, 0), end + SLACK + 1)
        met += bool((shut[near] & (run[near] == run[start])).any())
    return ClosureScore(met / len(starts) if len(starts) else float("nan"), len(starts))
