from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.landmarks import dlib_detector
from difftalker.landmarks.detect import detect_landmarks
from difftalker.landmarks.detector import make_detector
from difftalker.landmarks.dlib_detector import perturbations
from difftalker.landmarks.topology import MOUTH, NOSE_BASE
from difftalker.video.crop import cut
from difftalker.video.track import Track, track_faces
from tests.video.footage import portrait

CONFIG = DetectorConfig(name="dlib", upscale=4.0, jitter=4, smoothing=0.0, max_gap=5)


@pytest.fixture(scope="module")
def track() -> Track:
    return next(iter(track_faces([[portrait()]])))


def crop_at(track: Track, dx: float, dy: float) -> tuple[np.ndarray, np.ndarray]:
    """A crop at half the source's scale, shifted by parts of its pixels, and the face box in it."""
    nose = track.points[0, NOSE_BASE]
    transform = np.array([0.6, 0, 47.5 - 0.6 * nose[0] + dx, 0, 0.6, 48 - 0.6 * nose[1] + dy])
    box = 0.6 * track.boxes[0] + np.tile(transform[[2, 5]], 2)
    return cut(portrait(), transform, 96), box.astype(np.float32)


def test_perturbations_are_a_fixed_cover() -> None:
    found = perturbations(16)
    assert not found[0].any()
    np.testing.assert_array_equal(found[:4], perturbations(4))
    assert len(np.unique(found, axis=0)) == 16
    assert np.abs(found[1:].mean(axis=0)).max() < 0.02


def test_finds_the_face(track: Track) -> None:
    image, box = crop_at(track, 0, 0)
    points, scores = make_detector(CONFIG).detect([image], box[None])
    assert points.shape == (1, 68, 2) and points.dtype == np.float32
    np.testing.assert_allclose(points[0, NOSE_BASE], [47.5, 48], atol=2)
    assert (points[0, MOUTH, 1] > 48).all()
    assert 0.8 < scores[0] <= 1


def test_a_flat_picture_scores_no_better_than_a_face(track: Track) -> None:
    image, box = crop_at(track, 0, 0)
    noise = np.random.default_rng(0).integers(0, 255, image.shape, dtype=np.uint8)
    _, scores = make_detector(CONFIG).detect([image, noise], np.stack([box, box]))
    assert scores[1] < scores[0]


def noise_of(config: DetectorConfig, track: Track) -> float:
    """Mean distance, in crop pixels, of detections of one picture cut at different subpixel places."""
    shifts = np.random.default_rng(0).uniform(-0.5, 0.5, (8, 2))
    crops = [crop_at(track, *shift) for shift in shifts]
    points, _ = make_detector(config).detect([c for c, _ in crops], np.stack([b for _, b in crops]))
    points = points - shifts[:, None]
    return float(np.linalg.norm(points - points.mean(axis=0), axis=2).mean())


def test_enlarging_and_averaging_lower_the_noise(track: Track) -> None:
    def variant(upscale: float, jitter: int) -> float:
        config = DetectorConfig(name="dlib", upscale=upscale, jitter=jitter, smoothing=0.0, max_gap=5)
        return noise_of(config, track)

    plain, enlarged, averaged = variant(1.0, 1), variant(4.0, 1), variant(4.0, 8)
    assert enlarged < 0.7 * plain
    assert averaged < 0.8 * enlarged
    assert averaged < 0.2  # pixels


def test_points_are_normalised_and_workers_do_not_matter(track: Track) -> None:
    crops = [crop_at(track, 0.1 * i, 0) for i in range(40)]
    boxes = np.stack([box for _, box in crops])
    alone, scores = detect_landmarks((image for image, _ in crops), boxes, CONFIG, workers=1)
    together, others = detect_landmarks((image for image, _ in crops), boxes, CONFIG, workers=2)
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(scores, others)
    pixels, _ = make_detector(CONFIG).detect([crops[35][0]], boxes[35:36])
    np.testing.assert_allclose(alone[35], pixels[0] / 96, rtol=1e-6)
    assert ((alone > 0) & (alone < 1)).all()
    middle = alone[:, :, 0].mean(axis=1)
    np.testing.assert_allclose(middle - middle[0], 0.1 * np.arange(40) / 96, atol=0.005)  # in order


@pytest.mark.parametrize("count", [3, 5])
def test_images_and_boxes_must_pair(track: Track, count: int) -> None:
    image, box = crop_at(track, 0, 0)
    with pytest.raises(ValueError, match="box"):
        detect_landmarks([image] * count, np.tile(box, (4, 1)), CONFIG)


def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    dlib_detector.shape_predictor.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="face_recognition_models"):
        dlib_detector.predict(cv2.cvtColor(portrait(), cv2.COLOR_RGB2GRAY), np.array([0, 0, 9, 9]))
