"""The speaker's closed mouth and jaw."""

from __future__ import annotations

import numpy as np

from difftalker.completion.closed_mouth import close_mouth_in_silence, fit_closed_mouth
from difftalker.completion.jaw import apply_jaw, fit_jaw
from difftalker.face.topology import CONTOUR, MOUTH
from tests.dub.tiny_face import Tiny


def test_mouth_at_rest_is_the_closed_one(tiny: Tiny) -> None:
    points = tiny.footage_face.landmarks[:4]
    closed = points[0, MOUTH] + np.float32(0.01)
    closing = close_mouth_in_silence(points, closed, np.array([1.0, 0.5, 0.0, 0.0], np.float32))
    np.testing.assert_allclose(closing[0, MOUTH], closed, atol=1e-5)
    np.testing.assert_allclose(closing[2:], points[2:], atol=1e-6)
    others = np.setdiff1d(np.arange(68), MOUTH)
    assert np.array_equal(closing[:, others], points[:, others])
    moved = 0.5 * (points[1, MOUTH] + close_mouth_in_silence(points, closed, np.ones(4, np.float32))[1, MOUTH])
    np.testing.assert_allclose(closing[1, MOUTH], moved, atol=1e-6)


def test_closed_mouth_is_measured_in_silence(tiny: Tiny) -> None:
    points = np.repeat(tiny.footage_face.landmarks[:1], 30, axis=0)
    points[10:, MOUTH[17]] += (0, 0.05)
    silent = np.arange(30) < 10
    found = fit_closed_mouth(points, silent)
    np.testing.assert_allclose(found, points[0, MOUTH], atol=1e-6)


def test_the_jaw_follows_the_mouth(tiny: Tiny) -> None:
    random = np.random.default_rng(0)
    shape = tiny.footage_face.landmarks[0]
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
