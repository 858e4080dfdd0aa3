"""Heads without their place, size and tilt, against scikit-image's similarity transform."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import SimilarityTransform

from difftalker.completion.head_frame import HeadFrame, mean_face_on_heads, smooth_in_head_frame
from difftalker.face.topology import MOUTH, RIGID


def faces(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (count, 68, 2)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_least_squares_of_the_rigid_points(seed: int) -> None:
    landmarks, shape = faces(3, seed), faces(1, seed + 1)[0]
    normal = HeadFrame(landmarks, shape).normalise(landmarks)
    for points, got in zip(landmarks.astype(np.float64), normal, strict=True):
        transform = SimilarityTransform.from_estimate(points[RIGID], shape[RIGID].astype(np.float64))
        np.testing.assert_allclose(got, transform(points), atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(-3, 3), size=st.floats(0.3, 3.0), x=st.floats(-2, 2))
def test_turned_and_moved_heads_share_their_frame_and_come_back(seed: int, angle: float, size: float, x: float) -> None:
    shape = faces(1, seed)
    transform = SimilarityTransform(scale=size, rotation=angle, translation=(x, 0.1))
    landmarks = transform(shape[0].astype(np.float64))[None].astype(np.float32)
    frame = HeadFrame(landmarks, shape[0])
    np.testing.assert_allclose(frame.normalise(landmarks), shape, atol=1e-4)
    np.testing.assert_allclose(frame.restore(shape), landmarks, atol=1e-4)


def test_one_face_is_restored_to_every_head() -> None:
    landmarks, shape = faces(4, 1), faces(1, 2)
    frame = HeadFrame(landmarks, shape[0])
    np.testing.assert_array_equal(frame.restore(shape), frame.restore(np.repeat(shape, 4, axis=0)))


def test_lids_and_lips_do_not_move_the_head() -> None:
    landmarks, shape = faces(5, 3), faces(1, 4)[0]
    blinking = landmarks.copy()
    blinking[:, [37, 38, 40, 41, 43, 44, 46, 47]] += 0.02
    blinking[:, MOUTH] += 0.05
    before, after = (HeadFrame(points, shape).restore(shape[None]) for points in (landmarks, blinking))
    np.testing.assert_array_equal(before, after)


def shape() -> np.ndarray:
    return np.random.default_rng(5).uniform(0.2, 0.8, (68, 2)).astype(np.float32)


def trembling(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A cheek that trembles on a head that moves: landmarks (count, 68, 2) and the head's place (count, 1, 2)."""
    place = np.linspace(0, 0.1, count, dtype=np.float32)[:, None, None] * np.ones(2, np.float32)
    points = np.repeat(shape()[None], count, axis=0)
    points[:, 2, 1] += 0.01 * np.sin(np.arange(count) * 2.0).astype(np.float32)
    return points + place, place


def smooth(points: np.ndarray, width: float) -> np.ndarray:
    frame = HeadFrame(points, shape())
    return frame.restore(smooth_in_head_frame(frame.normalise(points), width))


def test_the_head_moves_and_the_cheek_rests() -> None:
    points, place = trembling(100)
    np.testing.assert_allclose(smooth(points, 10.0) - place, np.repeat(shape()[None], 100, axis=0), atol=1.5e-3)


def test_rigid_points_stay_in_their_pose() -> None:
    points, _ = trembling(100)
    np.testing.assert_allclose(smooth(points, 10.0)[:, RIGID], points[:, RIGID], atol=1e-5)


def test_a_still_face_moves_with_its_head_alone() -> None:
    points, place = trembling(100)
    result = mean_face_on_heads(points, shape()) - place
    np.testing.assert_allclose(result, np.repeat(result[:1], 100, axis=0), atol=1e-5)
    np.testing.assert_allclose(result[0], (points - place).mean(axis=0), atol=1e-5)
