"""PSNR, SSIM and sharpness against formulas written out and against the plain library call."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from difftalker.evaluation.metrics.difference import Difference
from difftalker.evaluation.metrics.region import changed_region
from difftalker.evaluation.metrics.sharpness import mouth_region, sharpness


def psnr(truth: np.ndarray, image: np.ndarray) -> float:
    return Difference(truth, image).psnr()


def ssim(truth: np.ndarray, image: np.ndarray) -> float:
    return Difference(truth, image).ssim()


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
    found = Difference(truth, image)
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


def test_changed_region_is_tight() -> None:
    truth, image = noise(0), noise(0)
    image[5, 7, 2] ^= 1
    image[9, 3, 0] ^= 1
    assert changed_region(truth, image) == (3, 5, 8, 10)
    assert changed_region(truth, truth) is None


def test_images_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        ssim(noise(0), noise(0)[1:])


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


def test_mouth_region_has_a_quarter_margin() -> None:
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[48:] = (0.3, 0.6)
    landmarks[48], landmarks[54] = (0.25, 0.5), (0.5, 0.75)  # pixels 16-32 and 32-48
    assert mouth_region(landmarks, 64, 64) == (12, 28, 36, 52)


def test_mouth_region_stays_inside_the_image() -> None:
    landmarks = np.ones((68, 2), np.float32)
    assert mouth_region(landmarks, 40, 60) == (58, 38, 60, 40)
