from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difftalker.completion.edit import lip_gaps, scale_opening, smooth_mouth
from difftalker.face.topology import CONDITION, CONTOUR, MOUTH, RIGID

UPPER, LOWER = [61, 62, 63], [67, 66, 65]


def mouth(gap: float = 0.08, turn: float = 0.0) -> np.ndarray:
    """(1, 68, 2): a mouth whose lips are 0.03 thick and stand `gap` apart in the middle, turned about (0.5, 0.75)."""
    points = np.tile(np.array([0.5, 0.3]), (68, 1))
    points[CONTOUR] = np.stack([np.linspace(0.2, 0.8, 9), np.full(9, 0.95)], axis=1)
    columns = np.array([-0.1, 0.0, 0.1])
    gaps = np.array([0.5, 1.0, 0.5]) * gap
    points[48], points[54], points[60], points[64] = (0.3, 0.75), (0.7, 0.75), (0.32, 0.75), (0.68, 0.75)
    for upper, lower, out_upper, out_lower, column, wide in zip(
        UPPER, LOWER, [50, 51, 52], [58, 57, 56], columns, gaps, strict=True
    ):
        points[upper], points[lower] = (0.5 + column, 0.75 - wide / 2), (0.5 + column, 0.75 + wide / 2)
        points[out_upper], points[out_lower] = points[upper] - (0, 0.03), points[lower] + (0, 0.03)
    points[49], points[53], points[59], points[55] = (0.34, 0.73), (0.66, 0.73), (0.34, 0.77), (0.66, 0.77)
    cosine, sine = np.cos(turn), np.sin(turn)
    return ((points - (0.5, 0.75)) @ np.array([[cosine, sine], [-sine, cosine]]) + (0.5, 0.75))[None]


def opening(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, LOWER] - points[:, UPPER], axis=-1)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 3.0), st.floats(0.0, 0.2), st.floats(-1.0, 1.0))
def test_gain_multiplies_the_gap_and_nothing_else(gain: float, gap: float, turn: float) -> None:
    before = mouth(gap, turn)
    after = scale_opening(before, gain)
    np.testing.assert_allclose(opening(after), gain * opening(before), atol=1e-12)
    for outer, inner in zip([50, 51, 52, 58, 57, 56], [61, 62, 63, 67, 66, 65], strict=True):
        np.testing.assert_allclose(after[0, outer] - after[0, inner], before[0, outer] - before[0, inner], atol=1e-12)
    middle = after[:, LOWER] + after[:, UPPER]
    np.testing.assert_allclose(middle, before[:, LOWER] + before[:, UPPER], atol=1e-12)
    still = [*CONDITION, *CONTOUR, 48, 54, 60, 64]
    np.testing.assert_array_equal(after[:, still], before[:, still])


def test_every_frame_has_its_own_gain() -> None:
    points, gains = np.concatenate([mouth(0.08), mouth(0.05, 0.4), mouth(0.02)]), np.array([0.0, 1.0, 1.7])
    result = scale_opening(points, gains)
    for before, after, gain in zip(points, result, gains, strict=True):
        np.testing.assert_allclose(after, scale_opening(before[None], gain)[0], atol=1e-12)


def test_gaps_are_measured_across_the_corners_and_below_zero_where_lips_cross() -> None:
    gaps, across = lip_gaps(np.concatenate([mouth(0.08, 0.5), mouth(-0.02)]))
    np.testing.assert_allclose(gaps, [[0.04, 0.08, 0.04], [-0.01, -0.02, -0.01]], atol=1e-12)
    np.testing.assert_allclose(across, [[-np.sin(0.5), np.cos(0.5)], [0.0, 1.0]], atol=1e-12)


def test_a_closed_mouth_stays_closed() -> None:
    np.testing.assert_allclose(scale_opening(mouth(0.0), 2.5), mouth(0.0), atol=1e-12)


def test_gain_keeps_the_input_and_its_type() -> None:
    points = mouth().astype(np.float32)
    kept = points.copy()
    assert scale_opening(points, 1.3).dtype == np.float32
    np.testing.assert_array_equal(points, kept)
    np.testing.assert_array_equal(scale_opening(points, 1.0), points)


def track(count: int = 60) -> np.ndarray:
    """A mouth that shakes in a head that moves evenly."""
    points = np.repeat(mouth(), count, axis=0)
    points[:, MOUTH, 1] += 0.01 * (-1.0) ** np.arange(count)[:, None]
    return points + 0.002 * np.arange(count)[:, None, None]


def test_smoothing_has_no_delay() -> None:
    points = track()
    result = smooth_mouth(points, np.ones(60, bool), 2.0)
    np.testing.assert_array_equal(result[:, CONDITION], points[:, CONDITION])
    mean = points[:, MOUTH, 1] - 0.01 * (-1.0) ** np.arange(60)[:, None]
    assert np.abs(result[5:-5, MOUTH, 1] - mean[5:-5]).max() < 1e-4  # the shaking is gone, the head's motion is not
    backwards = smooth_mouth(points[::-1], np.ones(60, bool), 2.0)[::-1]
    np.testing.assert_allclose(result, backwards, atol=1e-12)


def test_smoothing_follows_a_turn_of_the_head_at_once() -> None:
    points = np.repeat(mouth(), 40, axis=0)
    points[20:] += 0.1
    result = smooth_mouth(points, np.ones(40, bool), 3.0)
    np.testing.assert_allclose(
        result - result[:, RIGID].mean(1, keepdims=True), mouth().repeat(40, 0) - [0.5, 0.3], atol=1e-12
    )


def test_smoothing_mixes_nothing_across_frames_without_a_face() -> None:
    points = track()
    valid = np.ones(60, bool)
    valid[30] = False
    points[30] = 50.0
    result = smooth_mouth(points, valid, 2.0)
    np.testing.assert_array_equal(result[30], points[30])
    assert result[valid].max() < 2.0


@pytest.mark.parametrize("count", [0, 1])
def test_short_tracks(count: int) -> None:
    points = mouth().repeat(count, axis=0)
    assert smooth_mouth(points, np.ones(count, bool), 1.0).shape == (count, 68, 2)
    assert scale_opening(points, 1.2).shape == (count, 68, 2)
