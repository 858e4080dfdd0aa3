"""Boxes and masks in pictures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.evaluation.metrics.psnr_ssim import PictureDifference
from difftalker.evaluation.metrics.regions import changed_box, crop_to_picture, jaw_mask_in_picture, mask_box, mouth_box


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0.5, 3))
def test_the_jaw_is_where_the_face_is(x: float, y: float, scale: float) -> None:
    angles = np.linspace(0, np.pi, 17)  # a jaw line of radius 20 below its centre, the nose above and on the split
    points = np.zeros((68, 2))
    points[:17] = np.stack([-np.cos(angles), np.sin(angles)], axis=1) * 20
    points[27:31] = (0, -15)
    points[31:36] = (0, 3)
    points = points * scale + (80 + x, 80 + y)
    transform = np.array([1 / scale, 0, (-80 - x) / scale, 0, 1 / scale, (-80 - y) / scale])
    mask = jaw_mask_in_picture(points, (170, 160, 3), transform, split=3.0)
    rows, columns = np.nonzero(mask)
    assert rows.min() >= 80 + y + 3 * scale - 1e-6
    area = (np.pi / 2 - math.asin(0.15) - 0.15 * math.sqrt(1 - 0.15**2)) * (20 * scale) ** 2  # of the half disc's rest
    assert mask.sum() == pytest.approx(area, abs=25 + 60 * scale)  # pixels on the outline count
    assert columns.mean() == pytest.approx(80 + x, abs=0.8)


def test_the_split_follows_a_turned_crop() -> None:
    points = np.zeros((68, 2))
    points[[0, 8, 16, 27]] = [(10, 10), (10, 50), (50, 50), (50, 10)]
    points[[*range(1, 8), *range(9, 16), *range(28, 36)]] = (30, 30)
    quarter = np.array([0.0, 1, 0, -1, 0, 60])  # crop row = 60 - x
    mask = jaw_mask_in_picture(points, (60, 60), quarter, split=30.0)
    assert mask_box(mask) == (10, 10, 31, 51)


def test_no_face_in_the_picture_is_an_empty_mask() -> None:
    points = np.full((68, 2), -50.0)
    assert not jaw_mask_in_picture(points, (20, 20), np.array([1.0, 0, 0, 0, 1, 0]), 0.0).any()


def ssim(truth: np.ndarray, image: np.ndarray) -> float:
    return PictureDifference(truth, image).ssim()


def noise(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_changed_region_is_tight() -> None:
    truth, image = noise(0), noise(0)
    image[5, 7, 2] ^= 1
    image[9, 3, 0] ^= 1
    assert changed_box(truth, image) == (3, 5, 8, 10)
    assert changed_box(truth, truth) is None


def test_images_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        ssim(noise(0), noise(0)[1:])


def test_mouth_region_has_a_quarter_margin() -> None:
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[48:] = (0.3, 0.6)
    landmarks[48], landmarks[54] = (0.25, 0.5), (0.5, 0.75)  # pixels 16-32 and 32-48
    assert mouth_box(landmarks, 64, 64) == (12, 28, 36, 52)


def test_mouth_region_stays_inside_the_image() -> None:
    landmarks = np.ones((68, 2), np.float32)
    assert mouth_box(landmarks, 40, 60) == (58, 38, 60, 40)


RNG = np.random.default_rng(0)


def test_landmarks_return_to_the_picture() -> None:
    points = RNG.random((68, 2))
    transform = np.array([0.5, 0.1, 3.0, -0.1, 0.5, -7.0])
    pixels = crop_to_picture(points, transform, 64)
    matrix = transform.reshape(2, 3)
    np.testing.assert_allclose((pixels @ matrix[:, :2].T + matrix[:, 2]) / 64, points)
