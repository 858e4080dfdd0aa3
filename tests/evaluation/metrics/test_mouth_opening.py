"""The opening of the mouth and its closures, by hand."""

import math

import numpy as np
import pytest

from difftalker.evaluation.metrics.mouth_opening import closed_gap, closure_score, opening_score, relative_opening

NAN = float("nan")


ONE_RUN = np.zeros(12, int)


# Percentiles of these gaps: 2 % is 0, 95 % is 10 (nearly), so the limit is about 1.
TRUTH = np.array([10, 10, 0, 0, 10, 10, 0, 10, 10, 10, 0, 10], float)


def test_opening_of_half_the_size_with_a_constant_on_top() -> None:
    truth = np.array([0.0, 1, 2, 3, 4])
    score = opening_score(truth, 0.5 * truth + 7)
    assert score == pytest.approx((1.0, 0.5, 0.5))


def test_opening_by_hand() -> None:
    score = opening_score(np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 1, 2]))
    # Covariance 0.25, variances 0.25 and 0.5.
    assert score == pytest.approx((0.25 / math.sqrt(0.125), 1.0, math.sqrt(2)))


def test_unknown_frames_are_left_out_and_what_does_not_vary_has_no_figures() -> None:
    truth = np.array([0.0, 1, NAN, 2, 3, 50])
    film = np.array([0.0, 2, 99, 4, 6, NAN])
    assert opening_score(truth, film) == pytest.approx((1.0, 2.0, 2.0))
    assert all(math.isnan(value) for value in opening_score(np.ones(9), np.arange(9.0)))
    still = opening_score(np.arange(9.0), np.ones(9))
    assert math.isnan(still.r) and still.slope == 0 == still.sd_ratio


def test_a_limit_a_tenth_of_the_way_from_small_to_wide() -> None:
    assert closed_gap(np.linspace(0, 100, 101)) == pytest.approx(2 + 0.1 * 93)
    assert math.isnan(closed_gap(np.full(3, NAN)))


def test_closure_counts_moments_not_frames() -> None:
    assert closure_score(TRUTH, TRUTH, ONE_RUN) == (1.0, 3)
    film = np.full(12, 10.0)
    assert closure_score(TRUTH, film, ONE_RUN) == (0.0, 3)
    film[3] = 0.5  # closes in a part of the first moment
    assert closure_score(TRUTH, film, ONE_RUN) == (pytest.approx(1 / 3), 3)


@pytest.mark.parametrize(("late", "met"), [(-1, 1), (0, 1), (1, 1), (2, 0)])
def test_a_closure_may_be_one_frame_off(late: int, met: int) -> None:
    film = np.full(12, 10.0)
    film[6 + late] = 0  # the truth closes in frame 6; no other moment is near enough
    assert closure_score(TRUTH, film, ONE_RUN).share == pytest.approx(met / 3)


def test_closures_do_not_reach_into_another_run() -> None:
    run = np.array([0] * 6 + [1] * 6)  # the truth's second moment begins the second run
    film = np.full(12, 10.0)
    film[5] = 0
    assert closure_score(TRUTH, film, run).share == 0
    joined = np.array([10, 10, 10, 10, 0, 0, 10, 10, 10, 10, 10, 10.0])
    assert closure_score(joined, joined, np.array([0] * 5 + [1] * 7)).moments == 2


def test_an_unknown_gap_is_no_closure() -> None:
    film = TRUTH.copy()
    film[6] = NAN
    assert closure_score(TRUTH, film, ONE_RUN).share == pytest.approx(2 / 3)
    truth = TRUTH.copy()
    truth[6] = NAN
    assert closure_score(truth, TRUTH, ONE_RUN) == (1.0, 2)


def test_the_opening_is_a_share_of_the_face_in_any_unit() -> None:
    points = np.zeros((1, 68, 2))
    points[0, 16, 0], points[0, 66, 1] = 80, 4
    assert relative_opening(points) == relative_opening(points / 128) == 0.05
