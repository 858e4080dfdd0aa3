"""PSNR and SSIM against what is known of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from difftalker.evaluation.metrics.psnr_ssim import PictureDifference


def psnr(truth: np.ndarray, image: np.ndarray) -> float:
    return PictureDifference(truth, image).psnr()


def ssim(truth: np.ndarray, image: np.ndarray) -> float:
    return PictureDifference(truth, image).ssim()


def noise(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_psnr_of_a_constant_error_is_known() -> None:
    truth = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(truth, truth + np.uint8(5)) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(truth, truth) == math.inf


def test_psnr_of_one_wrong_pixel() -> None:
    truth = np.zeros((10, 10, 3), np.uint8)
    image = truth.copy()
    image[3, 4] = (255, 0, 0)  # mean squared error 255^2 / 300
    assert psnr(truth, image) == pytest.approx(10 * math.log10(300))


def ssim_by_hand(truth: np.ndarray, image: np.ndarray) -> float:
    x, y = truth.astype(float), image.astype(float)

    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, size=(7, 7, 1))

    unbiased = 49 / 48
    mx, my = mean(x), mean(y)
    vx, vy = unbiased * (mean(x * x) - mx**2), unbiased * (mean(y * y) - my**2)
    cov = unbiased * (mean(x * y) - mx * my)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(values[3:-3, 3:-3].mean())


def test_ssim_follows_the_formula() -> None:
    truth, image = noise(0), noise(1)
    image[:, :16] = truth[:, :16]
    assert ssim(truth, image) == pytest.approx(ssim_by_hand(truth, image), abs=1e-9)
    assert ssim(truth, truth) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 23), st.integers(0, 31), st.integers(1, 24), st.integers(1, 32), st.integers(0, 99))
def test_computing_only_the_changed_part_changes_nothing(y: int, x: int, height: int, width: int, seed: int) -> None:
    truth, image = noise(seed), noise(seed)
    image[y : y + height, x : x + width] ^= 255
    assert psnr(truth, image) == pytest.approx(peak_signal_noise_ratio(truth, image, data_range=255))
    whole, pixels = structural_similarity(truth, image, channel_axis=-1, data_range=255, full=True)
    assert ssim(truth, image) == pytest.approx(whole, abs=1e-9)
    found = PictureDifference(truth, image)
    x0, y0, x1, y1 = box = (seed % 9, seed % 5, seed % 9 + 20, seed % 5 + 15)
    cut = slice(y0, y1), slice(x0, x1)
    error = ((truth[cut].astype(float) - image[cut]) ** 2).mean()
    assert found.psnr(box) == pytest.approx(10 * math.log10(255**2 / error) if error else math.inf)
    alone = structural_similarity(truth[cut], image[cut], channel_axis=-1, data_range=255)
    assert found.ssim(box) == pytest.approx(alone, abs=1e-9), "a box is an image of its own"
    mask = np.random.default_rng(seed).random((y1 - y0, x1 - x0)) < 0.4
    error = ((truth[cut].astype(float) - image[cut])[mask] ** 2).mean()
    assert found.psnr(box, mask) == pytest.approx(10 * math.log10(255**2 / error) if error else math.inf)
    inner = np.zeros(truth.shape[:2], bool)
    inner[3:-3, 3:-3] = True
    counted = mask & inner[cut]
    assert found.ssim_inside(box, mask) == pytest.approx(pixels[cut][counted].mean(), abs=1e-9)


def test_only_the_mask_counts() -> None:
    truth, image = noise(0), noise(0)
    image[:, 20:] = 255 - image[:, 20:]
    box, mask = (4, 5, 15, 18), np.ones((13, 11), bool)
    found = PictureDifference(truth, image)
    assert found.psnr(box, mask) == math.inf
    assert found.ssim_inside(box, mask) == 1
    image[10, 10] = truth[10, 10] ^ 1  # one level off in three channels of 13 x 11 pixels
    assert PictureDifference(truth, image).psnr(box, mask) == pytest.approx(10 * math.log10(255**2 * 143))
    empty = np.zeros_like(mask)
    assert math.isnan(found.psnr(box, empty)) and math.isnan(found.ssim_inside(box, empty))


def test_equal_images_have_no_difference() -> None:
    found = PictureDifference(noise(0), noise(0))
    assert found.psnr() == found.psnr((0, 0, 8, 8)) == math.inf
    assert found.ssim() == found.ssim((0, 0, 8, 8)) == found.ssim_inside((0, 0, 8, 8), np.ones((8, 8), bool)) == 1
