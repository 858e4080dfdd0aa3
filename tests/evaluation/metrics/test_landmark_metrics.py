"""Landmark distance and jitter against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.evaluation.metrics.landmark_metrics import jitter, landmark_distance, motion_in_silence


def test_distance_is_the_mean_of_euclidean_distances() -> None:
    truth = np.zeros((2, 2, 2), np.float32)
    predicted = truth.copy()
    predicted[0, 0] = (0.3, 0.4)  # 0.5, and 0 for the other point
    predicted[1] = (0.0, 0.1)
    assert landmark_distance(predicted, truth) == pytest.approx([0.25, 0.1])


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_shift_of_all_points_is_its_length(x: float, y: float) -> None:
    truth = np.random.default_rng(0).random((3, 20, 2))
    assert landmark_distance(truth + np.array([x, y]), truth) == pytest.approx([np.hypot(x, y)] * 3)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ"):
        landmark_distance(np.zeros((2, 20, 2)), np.zeros((2, 29, 2)))


def test_jitter_of_an_alternation_is_twice_its_step() -> None:
    points = np.zeros((5, 1, 2))
    points[1::2, 0, 0] = 0.1  # x: 0, .1, 0, .1, 0 -> |second difference| 0.2; y: 0
    assert jitter(points, np.zeros(5, int)) == pytest.approx(0.1)


def test_uniform_motion_has_no_jitter() -> None:
    points = np.linspace(0, 1, 9).reshape(9, 1, 1) * np.ones((1, 20, 2))
    assert jitter(points, np.zeros(9, int)) == pytest.approx(0, abs=1e-12)


def test_a_jump_between_runs_is_no_jitter() -> None:
    points = np.zeros((6, 1, 2))
    points[3:] = 0.7
    assert jitter(points, np.array([0, 0, 0, 1, 1, 1])) == 0
    assert jitter(points, np.zeros(6, int)) > 0
    assert np.isnan(jitter(points, np.array([0, 0, 1, 1, 2, 2])))


def face(frames: int) -> np.ndarray:
    points = np.zeros((frames, 68, 2))
    points[:, 16, 0] = 2.0  # face width
    return points


def test_motion_in_silence_by_hand() -> None:
    points = face(6)
    points[:, 48:, 1] = np.array([0, 0.2, 0.2, 0.6, 0.6, 9])[:, None]
    silent = np.array([True, True, True, True, False, True])
    # Steps of 0.2, 0 and 0.4 between silent frames, over a width of 2, at 25 frames per second.
    assert motion_in_silence(points, silent, np.zeros(6, int), 25.0) == pytest.approx(0.2 / 2 * 25)
    assert math.isnan(motion_in_silence(points, ~silent, np.zeros(6, int), 25.0))
    two = np.array([0, 1, 1, 2, 2, 2])  # of the steps only that of 0 lies within a run
    assert motion_in_silence(points, silent, two, 25.0) == 0


def test_a_moving_head_is_no_moving_mouth() -> None:
    points = face(5) + np.arange(5)[:, None, None] * 0.3
    assert motion_in_silence(points, np.ones(5, bool), np.zeros(5, int), 25.0) == pytest.approx(0, abs=1e-9)
