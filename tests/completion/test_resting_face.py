"""Faces without quick motion."""

from __future__ import annotations

import numpy as np

from difftalker.completion.resting_face import calm, still
from difftalker.face.topology import RIGID


def shape() -> np.ndarray:
    return np.random.default_rng(5).uniform(0.2, 0.8, (68, 2)).astype(np.float32)


def trembling(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A cheek that trembles on a head that moves: landmarks (count, 68, 2) and the head's place (count, 1, 2)."""
    place = np.linspace(0, 0.1, count, dtype=np.float32)[:, None, None] * np.ones(2, np.float32)
    points = np.repeat(shape()[None], count, axis=0)
    points[:, 2, 1] += 0.01 * np.sin(np.arange(count) * 2.0).astype(np.float32)
    return points + place, place


def test_the_head_moves_and_the_cheek_rests() -> None:
    points, place = trembling(100)
    np.testing.assert_allclose(calm(points, shape(), 10.0) - place, np.repeat(shape()[None], 100, axis=0), atol=1.5e-3)


def test_rigid_points_stay_in_their_pose() -> None:
    points, _ = trembling(100)
    np.testing.assert_allclose(calm(points, shape(), 10.0)[:, RIGID], points[:, RIGID], atol=1e-5)


def test_a_still_face_moves_with_its_head_alone() -> None:
    points, place = trembling(100)
    result = still(points, shape()) - place
    np.testing.assert_allclose(result, np.repeat(result[:1], 100, axis=0), atol=1e-5)
    np.testing.assert_allclose(result[0], (points - place).mean(axis=0), atol=1e-5)
