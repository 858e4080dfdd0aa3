import numpy as np

from difftalker.intervals import seconds_in_words, true_intervals


def test_true_intervals() -> None:
    assert list(true_intervals(np.array([1, 1, 0, 1, 0, 0, 1], bool))) == [(0, 2), (3, 4), (6, 7)]
    assert list(true_intervals(np.zeros(3, bool))) == []


def test_seconds_in_words() -> None:
    assert seconds_in_words([(0.4, 0.84), (2, 2.12)]) == "0.40-0.84 s, 2.00-2.12 s"
