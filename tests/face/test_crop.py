from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from difftalker.face.crop import crop_geometry, cut_crop, face_width, mouth_in_lower_half
from difftalker.face.topology import CONTOUR, JAW_ENDS, MOUTH, NOSE_BASE
from difftalker.face.tracking import SpeakerTrack


def face_points() -> np.ndarray:
    """A face 100 pixels wide with its nose base at (200, 150)."""
    points = np.zeros((68, 2))
    points[:] = (200, 120)
    points[JAW_ENDS[0]], points[JAW_ENDS[1]] = (150, 110), (250, 110)
    points[NOSE_BASE] = (200, 150)
    points[CONTOUR] = np.stack([np.linspace(165, 235, 9), np.full(9, 200)], axis=1)
    points[MOUTH] = np.stack([np.linspace(180, 220, 20), np.linspace(165, 180, 20)], axis=1)
    return points


def still(count: int) -> SpeakerTrack:
    region = np.array([200.0, 140.0, 160.0, 0.1])
    return SpeakerTrack(
        found=np.ones(count, bool),
        regions=np.tile(region, (count, 1)),
        points=np.tile(face_points(), (count, 1, 1)),
        width=400,
        height=300,
    )


def apply(transform: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    return transform.reshape(2, 3) @ np.array([*point, 1.0])


def test_face_width_is_the_distance_of_the_jaw_ends() -> None:
    assert face_width(face_points()) == pytest.approx(100.0)


def test_nose_base_lies_on_row_half_and_scale_follows_the_margin() -> None:
    geometry = crop_geometry(still(5), 100.0, 128, 1.6, 0.4, 25.0)
    for transform in geometry.transforms:
        np.testing.assert_allclose(transform[[0, 1, 3, 4]], [0.8, 0, 0, 0.8])  # 128 / (1.6 x 100)
        np.testing.assert_allclose(apply(transform, (200, 150)), [63.5, 64.0])
    np.testing.assert_allclose(geometry.regions[0], [*apply(transform, (200, 140)), 128, 0.1], rtol=1e-5)
    assert geometry.valid.all()


def test_motion_is_smoothed_without_delay() -> None:
    track = still(100)
    track.points[50:, :, 0] += 10.0  # a step to the right between 49 and 50
    geometry = crop_geometry(track, 100.0, 128, 1.6, 0.4, 25.0)
    left = (63.5 - geometry.transforms[:, 2]) / 0.8  # source column of the crop's middle
    assert left[0] == pytest.approx(200.0, abs=0.01)
    assert left[-1] == pytest.approx(210.0, abs=0.01)
    np.testing.assert_allclose(left - 205, -(left[::-1] - 205), atol=1e-6)  # symmetric about the step: no delay
    assert np.abs(np.diff(left)).max() < 0.5  # of 10 pixels in one step


def test_no_smoothing_follows_exactly() -> None:
    track = still(30)
    track.points[:, :, 1] += np.random.default_rng(0).normal(0, 5, (30, 1))
    geometry = crop_geometry(track, 100.0, 128, 1.6, 0.0, 25.0)
    for transform, points in zip(geometry.transforms, track.points, strict=True):
        assert apply(transform, tuple(points[NOSE_BASE]))[1] == pytest.approx(64.0)


def test_frames_without_a_face_take_their_place_from_neighbours_and_are_invalid() -> None:
    track = still(9)
    track.points[5:] += (8.0, 0.0)
    track.found[[0, 3, 4]] = False
    track.points[~track.found] = 0.0
    track.regions[~track.found] = 0.0
    geometry = crop_geometry(track, 100.0, 128, 1.6, 0.0, 25.0)
    assert geometry.valid.tolist() == [False, True, True, False, False, True, True, True, True]
    middle = (63.5 - geometry.transforms[:, 2]) / 0.8
    np.testing.assert_allclose(middle, [200, 200, 200, 200 + 8 / 3, 200 + 16 / 3, 208, 208, 208, 208])
    assert np.isfinite(geometry.regions).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda points: points[MOUTH[0]].__setitem__(1, 149.0),  # upper half
        lambda points: points[MOUTH[0]].__setitem__(0, 100.0),  # beside the crop
        lambda points: points[CONTOUR[4]].__setitem__(1, 240.0),  # chin below the crop
    ],
)
def test_frames_whose_mouth_is_not_in_the_lower_half_are_invalid(spoil) -> None:
    track = still(5)
    spoil(track.points[2])
    geometry = crop_geometry(track, 100.0, 128, 1.6, 0.4, 25.0)
    assert geometry.valid.tolist() == [True, True, False, True, True]


def test_a_mouth_outside_the_picture_is_invalid() -> None:
    assert not crop_geometry(replace(still(3), height=170), 100.0, 128, 1.6, 0.4, 25.0).valid.any()


def test_mouth_in_lower_half() -> None:
    points = np.full((3, 68, 2), 0.6)
    points[1, MOUTH[5], 1] = 0.5
    points[2, MOUTH[5], 0] = 1.01
    assert mouth_in_lower_half(points, 1.0).tolist() == [True, False, False]


def test_cut_at_scale_one_is_a_slice() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (80, 90, 3), dtype=np.uint8)
    crop = cut_crop(picture, np.array([1.0, 0, -20, 0, 1.0, -10]), 48)
    np.testing.assert_array_equal(crop, picture[10:58, 20:68])


def test_cut_averages_areas() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    # scale 1/4: crop pixel k covers source pixels 4k .. 4k + 3, so source x lies at (x + 0.5) / 4 - 0.5
    crop = cut_crop(picture, np.array([0.25, 0, -0.375, 0, 0.25, -0.375]), 32)
    mean = picture.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop - mean).max() <= 1.0


@pytest.mark.parametrize("scale", [0.3, 0.63, 1.0, 2.5])
def test_cut_puts_pixels_where_the_transform_says(scale: float) -> None:
    y, x = np.mgrid[:200, :240].astype(np.float64)
    ramps = np.stack([x - 120.3, y - 100.7, np.zeros_like(x)], axis=-1)
    picture = np.clip(np.rint(128 + 5 * ramps), 0, 255).astype(np.uint8)  # steep: half a pixel is 2.5 levels
    transform = np.array([scale, 0, 31.5 - scale * 120.3, 0, scale, 31.5 - scale * 100.7])
    crop = cut_crop(picture, transform, 64).astype(float)
    rows, columns = (np.mgrid[:64, :64] - 31.5) / scale
    inside = (np.abs(columns) < 18) & (np.abs(rows) < 18)
    assert np.abs(crop[..., 0] - (128 + 5 * columns))[inside].max() < 1.1
    assert np.abs(crop[..., 1] - (128 + 5 * rows))[inside].max() < 1.1
