"""What driving adds to completed landmarks: on invented mouths whose openings are known, and on a face."""

from __future__ import annotations

import numpy as np
import pytest

from difftalker.completion.articulation import (
    apply_jaw,
    close_mouth_in_silence,
    fit_closed_mouth,
    fit_jaw,
    fit_opening,
    match_opening,
)
from difftalker.face.topology import CONDITION, CONTOUR, MOUTH
from difftalker.face_folder import OPENING_LEVELS
from tests.dub.reference_film import load_track

FACES = load_track()[1]  # (12, 68, 2)
UPPER, LOWER, OUTER_UPPER, OUTER_LOWER = [61, 62, 63], [67, 66, 65], [50, 51, 52], [58, 57, 56]
FACE = np.random.default_rng(3).uniform(0.2, 0.8, (68, 2))


def mouths(openings: np.ndarray) -> np.ndarray:
    """Faces (n, 68, 2) whose inner lips stand `openings` (n,) apart in the middle, half as far beside it."""
    points = np.repeat(FACE[None], len(openings), axis=0)
    points[:, 48], points[:, 54], points[:, 60], points[:, 64] = (0.4, 0.7), (0.6, 0.7), (0.42, 0.7), (0.58, 0.7)
    for pair, (above, below, skin_above, skin_below) in enumerate(
        zip(UPPER, LOWER, OUTER_UPPER, OUTER_LOWER, strict=True)
    ):
        half = openings / 2 * (1.0 if pair == 1 else 0.5)
        for point, move in ((above, -half), (below, half), (skin_above, -half - 0.02), (skin_below, half + 0.02)):
            points[:, point] = np.stack([np.full_like(half, 0.45 + 0.05 * pair), 0.7 + move], axis=1)
    return points.astype(np.float32)


def gaps(points: np.ndarray) -> np.ndarray:
    return points[:, LOWER, 1] - points[:, UPPER, 1]


TRUTH = np.concatenate([np.zeros(400), np.linspace(0.0, 0.12, 600)])  # closed lips are frequent
WEAK = 0.02 + 0.6 * TRUTH  # what a network makes of them: never closed, never wide


def test_driven_mouths_open_and_close_as_the_speaker() -> None:
    curve = fit_opening(mouths(TRUTH), mouths(WEAK), 65)
    assert curve.shape == (2, OPENING_LEVELS)
    matched = gaps(match_opening(mouths(WEAK), curve))
    np.testing.assert_allclose(matched[:, 1], np.minimum(TRUTH, 0.1197), atol=1.5e-3)
    np.testing.assert_allclose(matched[:, 0], matched[:, 1] / 2, atol=1e-6)
    assert np.ptp(matched[:400]) == pytest.approx(0.0, abs=1e-6) and matched[:400].max() < 1e-3


def test_order_and_everything_but_the_lips_stay() -> None:
    curve = fit_opening(mouths(TRUTH), mouths(WEAK), 65)
    some = mouths(np.random.default_rng(0).uniform(-0.01, 0.2, 50))
    matched = match_opening(some, curve)
    order = np.argsort(gaps(some)[:, 1])
    assert np.all(np.diff(gaps(matched)[order, 1]) >= -1e-6) and matched.dtype == np.float32
    assert gaps(matched)[:, 1].max() <= 0.12 + 1e-6 and gaps(matched)[:, 1].min() >= -1e-6
    np.testing.assert_array_equal(matched[:, [*CONDITION, *CONTOUR, 48, 54]], some[:, [*CONDITION, *CONTOUR, 48, 54]])
    for outer, inner in ((OUTER_UPPER, UPPER), (OUTER_LOWER, LOWER)):
        before, after = some[:, outer] - some[:, inner], matched[:, outer] - matched[:, inner]
        np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_network_that_needs_no_help_gets_none() -> None:
    curve = fit_opening(mouths(TRUTH), mouths(TRUTH), 65)
    some = mouths(np.linspace(0.0, 0.115, 40))
    np.testing.assert_allclose(match_opening(some, curve), some, atol=2e-5)


def test_mouth_at_rest_is_the_closed_one() -> None:
    points = FACES[:4]
    closed = points[0, MOUTH] + np.float32(0.01)
    closing = close_mouth_in_silence(points, closed, np.array([1.0, 0.5, 0.0, 0.0], np.float32))
    np.testing.assert_allclose(closing[0, MOUTH], closed, atol=1e-5)
    np.testing.assert_allclose(closing[2:], points[2:], atol=1e-6)
    others = np.setdiff1d(np.arange(68), MOUTH)
    assert np.array_equal(closing[:, others], points[:, others])
    moved = 0.5 * (points[1, MOUTH] + close_mouth_in_silence(points, closed, np.ones(4, np.float32))[1, MOUTH])
    np.testing.assert_allclose(closing[1, MOUTH], moved, atol=1e-6)


def test_closed_mouth_is_measured_in_silence() -> None:
    points = np.repeat(FACES[:1], 30, axis=0)
    points[10:, MOUTH[17]] += (0, 0.05)
    silent = np.arange(30) < 10
    found = fit_closed_mouth(points, silent)
    np.testing.assert_allclose(found, points[0, MOUTH], atol=1e-6)


def test_the_jaw_follows_the_mouth() -> None:
    random = np.random.default_rng(0)
    shape = FACES[0]
    points = np.repeat(shape[None], 200, axis=0)
    drop = random.uniform(0, 0.08, 200).astype(np.float32)
    points[:, MOUTH[6:12], 1] += drop[:, None]  # the lower lip
    points[:, CONTOUR[2:7], 1] += 0.8 * drop[:, None]  # takes the chin along
    silent = points.copy()
    silent[:, CONTOUR] = shape[CONTOUR] + np.float32(0.01)  # what the network says of a face that does not speak
    jaw = fit_jaw(points, silent, shape)
    moved = apply_jaw(silent, shape, jaw)
    np.testing.assert_allclose(moved[:, CONTOUR], points[:, CONTOUR], atol=2e-3)
    others = np.setdiff1d(np.arange(68), CONTOUR)
    assert np.array_equal(moved[:, others], points[:, others])
