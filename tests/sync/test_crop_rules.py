"""Crop rules against the published code's steps, written out plainly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from difftalker.errors import UserError
from difftalker.sync.crop_rules import (
    FaceTrackCrop,
    LrsCrop,
    PipelineCrop,
    check_rule,
    face_boxes,
    face_track_cut,
    make_sync_crop,
)
from tests.footage import portrait, portrait_points


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def padded_cut(image: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """Pad the whole picture with 110, cut a square of 2.8 half sides, resize."""
    pad = int(half * 1.8)
    frame = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
    y, x = y + pad, x + pad
    face = frame[int(y - half) : int(y + half * 1.8), int(x - half * 1.4) : int(x + half * 1.4)]
    return cv2.resize(face, (224, 224))


@settings(max_examples=40, deadline=None)
@given(x=st.floats(30, 170), y=st.floats(30, 110), half=st.floats(10, 80))
def test_face_track_is_the_published_square(x: float, y: float, half: float) -> None:
    image = picture(140, 200)
    np.testing.assert_array_equal(face_track_cut(image, x, y, half), padded_cut(image, x, y, half))


def test_beyond_the_picture_there_is_grey() -> None:
    cut = face_track_cut(np.zeros((100, 100, 3), np.uint8), 50, 50, 45)
    assert (cut[112, 0] == 110).all() and (cut[112, 112] == 0).all() and (cut[-1, 112] == 110).all()


def test_medians_over_13_frames_stay_inside_a_run() -> None:
    points = np.tile(portrait_points(), (40, 1, 1))
    points[:, :, 0] += np.random.default_rng(0).normal(0, 2, 40)[:, None]
    points[20:, :, 0] += 60
    whole = picture(280, 380)
    runs = [slice(0, 20), slice(20, 40)]
    rule = FaceTrackCrop(points, runs)
    boxes = face_boxes(points)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    half = np.maximum(boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]) / 2
    for run in runs:
        smooth = [signal.medfilt(values[run], kernel_size=13) for values in (x, y, half)]
        for place in (0, 6, 19):
            expected = padded_cut(whole, *(values[place] for values in smooth))
            np.testing.assert_array_equal(rule.cut(run.start + place, picture(8, 8), whole), expected)


@pytest.mark.parametrize("length", [1, 2, 6, 12])
def test_short_runs_have_shorter_medians(length: int) -> None:
    points = np.tile(portrait_points(), (length, 1, 1))
    rule = FaceTrackCrop(points, [slice(0, length)])
    middle = length // 2
    expected = FaceTrackCrop(points[:1], [slice(0, 1)]).cut(0, portrait(), portrait())
    np.testing.assert_array_equal(rule.cut(middle, portrait(), portrait()), expected)


def test_boxes_hold_the_face_with_its_forehead() -> None:
    points = portrait_points()
    x0, y0, x1, y1 = face_boxes(points[None])[0]
    assert (x0, x1, y1) == (points[:, 0].min(), points[:, 0].max(), points[8, 1])
    assert y0 < points[17:27, 1].min() and 1.1 < (y1 - y0) / (x1 - x0) < 1.6


def test_landmarks_on_the_crop_find_their_place_in_the_picture() -> None:
    points = portrait_points()
    transform = np.array([0.8, 0, -20, 0, 0.8, -10])
    on_crop = (points * 0.8 + (-20, -10)) / 128
    made = make_sync_crop("face_track", on_crop[None], transform[None], 128, [slice(0, 1)])
    direct = FaceTrackCrop(points[None], [slice(0, 1)])
    np.testing.assert_array_equal(
        made.cut(0, portrait()[:128, :128], portrait()), direct.cut(0, portrait()[:128, :128], portrait())
    )


def test_the_other_rules() -> None:
    crop, whole = picture(64, 64), picture(90, 120)
    assert PipelineCrop().cut(0, crop, whole) is crop
    np.testing.assert_array_equal(LrsCrop().cut(0, crop, whole), cv2.resize(whole, (224, 224)))
    rules = {
        make_sync_crop(name, np.zeros((1, 68, 2)), np.array([[1.0, 0, 0, 0, 1, 0]]), 64, [slice(0, 1)]).title
        for name in ("pipeline", "face_track", "lrs")
    }
    assert len(rules) == 3


def test_the_trained_expert_knows_one_rule_only() -> None:
    check_rule("trained", "pipeline")
    check_rule("official", "face_track")
    with pytest.raises(UserError, match="use 'pipeline'"):
        check_rule("trained", "lrs")
