"""Intervals of time: where a mask is true, and such intervals in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def true_intervals(mask: np.ndarray) -> Iterator[tuple[int, int]]:
    """Start and end (exclusive) of every run of true values in (n,) bool, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    yield from ((int(start), int(end)) for start, end in edges.reshape(-1, 2))


def seconds_in_words(intervals: Iterable[tuple[float, float]]) -> str:
    """Intervals of (start, end) seconds as a list: '0.40-0.84 s, 2.00-2.12 s'."""
    return ", ".join(f"{start:.2f}-{end:.2f} s" for start, end in intervals)
