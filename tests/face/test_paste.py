from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difftalker.evaluation.metrics.picture_metrics import sharpness
from difftalker.face.crop import cut_crop
from difftalker.face.paste import feathered_mask, paste
from tests.footage import portrait

RNG = np.random.default_rng(0)
PICTURE = np.kron(RNG.integers(0, 255, (25, 30, 3)), np.ones((8, 8, 1))).astype(np.uint8)  # (200, 240, 3)


def lower_half(size: int) -> np.ndarray:
    return np.broadcast_to(np.arange(size)[:, None] > size // 2, (size, size))


def test_mask_falls_to_zero_at_the_border() -> None:
    mask = feathered_mask(lower_half(64), 8)
    assert mask.dtype == np.float32
    assert not mask[:33].any() and not mask[-1].any() and not mask[:, [0, -1]].any()
    np.testing.assert_allclose(mask[33:42, 32], np.arange(1, 10).clip(max=8) / 8)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 2.0), st.floats(20, 200), st.floats(20, 180))
def test_nothing_changes_outside_the_mask(scale: float, x: float, y: float) -> None:
    transform = np.array([scale, 0, 31.5 - scale * x, 0, scale, 31.5 - scale * y])
    result = paste(PICTURE, np.full((64, 64, 3), 77, np.uint8), transform)
    rows, columns = np.mgrid[:200, :240]
    u, v = scale * columns + transform[2], scale * rows + transform[5]
    outside = (v <= 32) | (v >= 63) | (u <= 0) | (u >= 63)
    np.testing.assert_array_equal(result[outside], PICTURE[outside])
    deep = (v >= 38) & (v <= 58) & (u >= 5) & (u <= 58)
    assert (result[deep] == 77).all()


def test_a_cut_crop_pasted_back_is_the_picture() -> None:
    transform = np.array([1.0, 0, -100, 0, 1.0, -60])
    np.testing.assert_array_equal(paste(PICTURE, cut_crop(PICTURE, transform, 64), transform), PICTURE)


@pytest.mark.parametrize(("scale", "kept"), [(1.3, 0.95), (1.0, 0.7), (0.95, 0.7), (0.8, 0.65)])
def test_a_cut_crop_pasted_back_keeps_the_face_s_sharpness(scale: float, kept: float) -> None:
    """Half a pixel beside the source's grid, where interpolation blurs most; the eyes of the portrait."""
    picture = portrait()
    transform = np.array([scale, 0, 80.5 - scale * 144, 0, scale, 80.5 - scale * 120])
    result = paste(picture, cut_crop(picture, transform, 160), transform, np.ones((160, 160), np.float32))
    eyes = (105, 95, 185, 145)
    assert kept < sharpness(result, eyes) / sharpness(picture, eyes) < 1.02


def test_a_cut_crop_pasted_back_is_close_at_other_scales() -> None:
    y, x = np.mgrid[:200, :240]
    smooth = np.stack([127 + 90 * np.sin(x / 19), 127 + 90 * np.cos(y / 23), x / 2 + y / 3], axis=-1).astype(np.uint8)
    transform = np.array([0.63, 0, 31.5 - 0.63 * 120, 0, 0.63, 31.5 - 0.63 * 100])
    result = paste(smooth, cut_crop(smooth, transform, 64), transform)
    assert np.abs(result.astype(int) - smooth).max() <= 4
