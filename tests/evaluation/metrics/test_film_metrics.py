"""Measures of films against values worked out by hand and plain loops."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.evaluation.metrics.blocks import block_gradients, block_ratio
from difftalker.evaluation.metrics.closure import closed_below, closure
from difftalker.evaluation.metrics.difference import Difference
from difftalker.evaluation.metrics.flicker import second_difference
from difftalker.evaluation.metrics.jaw import jaw_region
from difftalker.evaluation.metrics.opening import opening_score
from difftalker.evaluation.metrics.region import bounds
from difftalker.evaluation.metrics.silence import motion_in_silence

NAN = float("nan")
ONE_RUN = np.zeros(12, int)
# Percentiles of these gaps: 2 % is 0, 95 % is 10 (nearly), so the limit is about 1.
TRUTH = np.array([10, 10, 0, 0, 10, 10, 0, 10, 10, 10, 0, 10], float)


def noise(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_opening_of_half_the_size_with_a_constant_on_top() -> None:
    truth = np.array([0.0, 1, 2, 3, 4])
    score = opening_score(truth, 0.5 * truth + 7)
    assert score == pytest.approx((1.0, 0.5, 0.5))


def test_opening_by_hand() -> None:
    score = opening_score(np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 1, 2]))
    # Covariance 0.25, variances 0.25 and 0.5.
    assert score == pytest.approx((0.25 / math.sqrt(0.125), 1.0, math.sqrt(2)))


def test_unknown_frames_are_left_out_and_what_does_not_vary_has_no_figures() -> None:
    truth = np.array([0.0, 1, NAN, 2, 3, 50])
    film = np.array([0.0, 2, 99, 4, 6, NAN])
    assert opening_score(truth, film) == pytest.approx((1.0, 2.0, 2.0))
    assert all(math.isnan(value) for value in opening_score(np.ones(9), np.arange(9.0)))
    still = opening_score(np.arange(9.0), np.ones(9))
    assert math.isnan(still.r) and still.slope == 0 == still.sd_ratio


def test_a_limit_a_tenth_of_the_way_from_small_to_wide() -> None:
    assert closed_below(np.linspace(0, 100, 101)) == pytest.approx(2 + 0.1 * 93)
    assert math.isnan(closed_below(np.full(3, NAN)))


def test_closure_counts_moments_not_frames() -> None:
    assert closure(TRUTH, TRUTH, ONE_RUN) == (1.0, 3)
    film = np.full(12, 10.0)
    assert closure(TRUTH, film, ONE_RUN) == (0.0, 3)
    film[3] = 0.5  # closes in a part of the first moment
    assert closure(TRUTH, film, ONE_RUN) == (pytest.approx(1 / 3), 3)


@pytest.mark.parametrize(("late", "met"), [(-1, 1), (0, 1), (1, 1), (2, 0)])
def test_a_closure_may_be_one_frame_off(late: int, met: int) -> None:
    film = np.full(12, 10.0)
    film[6 + late] = 0  # the truth closes in frame 6; no other moment is near enough
    assert closure(TRUTH, film, ONE_RUN).share == pytest.approx(met / 3)


def test_closures_do_not_reach_into_another_run() -> None:
    run = np.array([0] * 6 + [1] * 6)  # the truth's second moment begins the second run
    film = np.full(12, 10.0)
    film[5] = 0
    assert closure(TRUTH, film, run).share == 0
    joined = np.array([10, 10, 10, 10, 0, 0, 10, 10, 10, 10, 10, 10.0])
    assert closure(joined, joined, np.array([0] * 5 + [1] * 7)).moments == 2


def test_an_unknown_gap_is_no_closure() -> None:
    film = TRUTH.copy()
    film[6] = NAN
    assert closure(TRUTH, film, ONE_RUN).share == pytest.approx(2 / 3)
    truth = TRUTH.copy()
    truth[6] = NAN
    assert closure(truth, TRUTH, ONE_RUN) == (1.0, 2)


def test_second_difference_by_hand_inside_the_mask_only() -> None:
    before, here, after = (np.full((4, 4, 3), value, np.uint8) for value in (100, 110, 90))
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:3] = True
    assert second_difference(before, here, after, mask) == 30
    here[0] = 255
    assert second_difference(before, here, after, mask) == 30
    assert math.isnan(second_difference(before, here, after, np.zeros((4, 4), bool)))


def test_steady_change_does_not_flicker() -> None:
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in (100, 110, 120)]
    assert second_difference(*pictures, np.ones((4, 4), bool)) == 0


def face(frames: int) -> np.ndarray:
    points = np.zeros((frames, 68, 2))
    points[:, 16, 0] = 2.0  # face width
    return points


def test_motion_in_silence_by_hand() -> None:
    points = face(6)
    points[:, 48:, 1] = np.array([0, 0.2, 0.2, 0.6, 0.6, 9])[:, None]
    silent = np.array([True, True, True, True, False, True])
    # Steps of 0.2, 0 and 0.4 between silent frames, over a width of 2, at 25 frames per second.
    assert motion_in_silence(points, silent, np.zeros(6, int), 25.0) == pytest.approx(0.2 / 2 * 25)
    assert math.isnan(motion_in_silence(points, ~silent, np.zeros(6, int), 25.0))
    two = np.array([0, 1, 1, 2, 2, 2])  # of the steps only that of 0 lies within a run
    assert motion_in_silence(points, silent, two, 25.0) == 0


def test_a_moving_head_is_no_moving_mouth() -> None:
    points = face(5) + np.arange(5)[:, None, None] * 0.3
    assert motion_in_silence(points, np.ones(5, bool), np.zeros(5, int), 25.0) == pytest.approx(0, abs=1e-9)


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


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0.5, 3))
def test_the_jaw_is_where_the_face_is(x: float, y: float, scale: float) -> None:
    angles = np.linspace(0, np.pi, 17)  # a jaw line of radius 20 below its centre, the nose above and on the split
    points = np.zeros((68, 2))
    points[:17] = np.stack([-np.cos(angles), np.sin(angles)], axis=1) * 20
    points[27:31] = (0, -15)
    points[31:36] = (0, 3)
    points = points * scale + (80 + x, 80 + y)
    transform = np.array([1 / scale, 0, (-80 - x) / scale, 0, 1 / scale, (-80 - y) / scale])
    mask = jaw_region(points, (170, 160, 3), transform, split=3.0)
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
    mask = jaw_region(points, (60, 60), quarter, split=30.0)
    assert bounds(mask) == (10, 10, 31, 51)


def test_no_face_in_the_picture_is_an_empty_mask() -> None:
    points = np.full((68, 2), -50.0)
    assert not jaw_region(points, (20, 20), np.array([1.0, 0, 0, 0, 1, 0]), 0.0).any()


def test_only_the_mask_counts() -> None:
    truth, image = noise(0), noise(0)
    image[:, 20:] = 255 - image[:, 20:]
    box, mask = (4, 5, 15, 18), np.ones((13, 11), bool)
    found = Difference(truth, image)
    assert found.psnr(box, mask) == math.inf
    assert found.ssim_inside(box, mask) == 1
    image[10, 10] = truth[10, 10] ^ 1  # one level off in three channels of 13 x 11 pixels
    assert Difference(truth, image).psnr(box, mask) == pytest.approx(10 * math.log10(255**2 * 143))
    empty = np.zeros_like(mask)
    assert math.isnan(found.psnr(box, empty)) and math.isnan(found.ssim_inside(box, empty))


def test_equal_images_have_no_difference() -> None:
    found = Difference(noise(0), noise(0))
    assert found.psnr() == found.psnr((0, 0, 8, 8)) == math.inf
    assert found.ssim() == found.ssim((0, 0, 8, 8)) == found.ssim_inside((0, 0, 8, 8), np.ones((8, 8), bool)) == 1
