from __future__ import annotations

import numpy as np

from difftalker.face.draw import FOOTER_HEIGHT, PANEL_SIDE, draw_landmarks, preview_frame, preview_frames
from difftalker.face.topology import POINTS


def circle() -> np.ndarray:
    """(68, 2): points on a circle, which no two lines of a face share."""
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    return 0.5 + 0.3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def crop() -> np.ndarray:
    return np.full((64, 64, 3), 100, np.uint8)


def test_lines_pass_through_every_point() -> None:
    canvas = np.zeros((200, 200, 3), np.uint8)
    draw_landmarks(canvas, circle())
    for x, y in circle() * 200 - 0.5:
        assert canvas[round(float(y)), round(float(x))].max() > 40
    assert not canvas[100, 10].any() and not canvas[5].any()


def test_points_far_outside_are_harmless() -> None:
    canvas = np.zeros((50, 50, 3), np.uint8)
    draw_landmarks(canvas, circle() * 1e6 - 5e5)


def test_preview_shows_crop_lines_and_what_is_replaced() -> None:
    picture = preview_frame(crop(), circle(), "note", 0.5)
    assert picture.shape == (PANEL_SIDE + FOOTER_HEIGHT, 2 * PANEL_SIDE, 3) and picture.dtype == np.uint8
    assert (picture[5, 5] == 100).all() and (picture[PANEL_SIDE - 5, 5] == 45).all()  # lower half is dimmed
    assert picture[PANEL_SIDE, 10].max() > picture[PANEL_SIDE, 2 * PANEL_SIDE - 10].max()  # half of the bar is filled
    assert picture[PANEL_SIDE + 4 :].max() > 150  # text
    right = picture[:PANEL_SIDE, PANEL_SIDE:]
    x, y = circle()[8] * PANEL_SIDE - 0.5
    assert right[round(float(y)), round(float(x))].max() > 200


def test_a_frame_without_a_face_shows_the_source_alone() -> None:
    picture = preview_frame(crop(), None, "note", 1.0)
    assert (picture[:PANEL_SIDE, :PANEL_SIDE] == 100).all()
    assert (picture[:PANEL_SIDE, PANEL_SIDE:] == picture[0, PANEL_SIDE]).all()


def test_frames_are_streamed_in_order() -> None:
    given = iter([crop()] * 3)
    made = preview_frames(given, np.repeat(circle()[None], 3, axis=0), np.array([True, False, True]), 25.0)
    first = next(made)
    assert len(list(given)) == 2  # only one crop was taken
    assert (first[:PANEL_SIDE, PANEL_SIDE:] != first[0, PANEL_SIDE]).any()
