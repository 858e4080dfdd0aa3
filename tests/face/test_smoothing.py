from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.face.smoothing import fill_gaps, smooth_track
from difftalker.intervals import true_intervals


def line(count: int) -> np.ndarray:
    return np.arange(count, dtype=float)[:, None, None] * np.ones((1, 68, 2))


def test_short_gaps_are_interpolated_and_marked() -> None:
    found = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1, 0], bool)
    points = line(10)
    points[~found] = 99.0
    filled, interpolated = fill_gaps(points, found, 2)
    assert interpolated.tolist() == [False, True, True, *[False] * 7]  # 3 frames are too long, the end is open
    np.testing.assert_allclose(filled[:5], line(5))
    assert (filled[5:8] == 99).all() and (points[1] == 99).all()


def test_no_gap_is_filled_without_permission() -> None:
    _, interpolated = fill_gaps(line(3), np.array([True, False, True]), 0)
    assert not interpolated.any()


def test_smoothing_is_a_gaussian_without_delay() -> None:
    points = np.zeros((41, 68, 2))
    points[20] = 1.0
    found = smooth_track(points, np.ones(41, bool), 2.0)
    expected = np.exp(-((np.arange(41) - 20) ** 2) / 8.0)
    np.testing.assert_allclose(found[:, 3, 1], expected / expected.sum(), atol=1e-4)


def test_zero_width_changes_nothing() -> None:
    points = np.random.default_rng(0).normal(size=(9, 68, 2))
    np.testing.assert_array_equal(smooth_track(points, np.ones(9, bool), 0.0), points)


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.floats(0.3, 4.0))
def test_nothing_crosses_invalid_frames(valid: list[bool], width: float) -> None:
    mask = np.array(valid)
    points = np.full((len(mask), 68, 2), np.nan)
    for number, (start, end) in enumerate(true_intervals(mask)):
        points[start:end] = number  # constant in each stretch: stays so unless it is mixed
    found = smooth_track(points, mask, width)
    np.testing.assert_allclose(found[mask], points[mask])
    assert np.isnan(found[~mask]).all()


@pytest.mark.parametrize("width", [0.5, 1.5])
def test_smoothing_keeps_the_mean_position(width: float) -> None:
    points = np.random.default_rng(0).normal(size=(200, 68, 2))
    found = smooth_track(points, np.ones(200, bool), width)
    np.testing.assert_allclose(found.mean(axis=0), points.mean(axis=0), atol=0.03)
    assert found.std() < points.std()
