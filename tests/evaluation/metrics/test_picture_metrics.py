"""Flicker, blocks and sharpness, by hand."""

import math

import cv2
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from difftalker.evaluation.metrics.picture_metrics import block_gradients, block_ratio, flicker, sharpness


def noise(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_second_difference_by_hand_inside_the_mask_only() -> None:
    before, here, after = (np.full((4, 4, 3), value, np.uint8) for value in (100, 110, 90))
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    assert flicker(before, here, after, mask) == 30
    here[0] = 255
    assert flicker(before, here, after, mask) == 30
    assert math.isnan(flicker(before, here, after, np.zeros((4, 4), bool)))


def test_steady_change_does_not_flicker() -> None:
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in (100, 110, 120)]
    assert flicker(*pictures, np.ones((4, 4), bool)) == 0


def test_blocks_by_hand() -> None:
    columns = np.repeat(np.arange(4) * 40, 8)  # four blocks, each of one colour
    image = np.repeat(np.tile(columns, (16, 1))[..., None], 3, axis=2).astype(np.uint8)
    everywhere = np.ones(image.shape[:2], bool)
    found = block_gradients(image, everywhere)
    # 3 borders of 16 rows with steps of 40; 1 border between the two rows of blocks with 32 steps of 0.
    assert found == (3 * 16 * 40, 3 * 16 + 32, 0, 28 * 16 + 14 * 32)
    assert math.isnan(block_ratio([found]))
    ramp = np.repeat(np.tile(np.arange(32) * 5, (16, 1))[..., None], 3, axis=2).astype(np.uint8)
    assert block_ratio([block_gradients(ramp, everywhere)]) == pytest.approx(
        (3 * 16 * 5 / (3 * 16 + 32)) / (28 * 16 * 5 / (28 * 16 + 14 * 32))
    )


def test_noise_has_no_blocks_and_a_grid_is_seen() -> None:
    mask = np.zeros((128, 128), bool)
    mask[40:120, 20:100] = True
    image = noise(0, 128, 128)
    assert block_ratio([block_gradients(image, mask)]) == pytest.approx(1, abs=0.05)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    image[:, ::8] = np.clip(image[:, ::8].astype(int) + 20, 0, 255)
    assert block_ratio([block_gradients(image, mask)]) > 1.5


def test_sharpness_of_one_bright_pixel() -> None:
    image = np.zeros((9, 9, 3), np.uint8)
    image[4, 4] = 100  # Laplacian: -400 at the pixel, 100 at its four neighbours, 0 elsewhere
    laplacian = np.array([-400.0, 100, 100, 100, 100] + [0.0] * 20)
    assert sharpness(image, (2, 2, 7, 7)) == pytest.approx(laplacian.var())


def test_sharpness_falls_with_blur_and_looks_only_at_the_region() -> None:
    image = noise(3)
    blurred = uniform_filter(image, size=(3, 3, 1))
    assert sharpness(blurred, (4, 4, 20, 20)) < 0.5 * sharpness(image, (4, 4, 20, 20))
    outside = image.copy()
    outside[:2] = 0
    assert sharpness(outside, (4, 4, 20, 20)) == sharpness(image, (4, 4, 20, 20))
