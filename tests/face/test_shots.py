"""Cuts are found and nothing else, and every shot is cropped on its own."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from difftalker.face.crop import crop_geometry, face_width
from difftalker.face.shots import find_shots, measure_changes, shot_geometry
from difftalker.face.tracking import SpeakerTrack
from tests.dub.tiny_face import pictures
from tests.footage import empty_room


def nobody(count: int) -> SpeakerTrack:
    return SpeakerTrack(np.zeros(count, bool), np.zeros((count, 4)), np.zeros((count, 68, 2)), 280, 280)


def cuts(shown: Sequence[np.ndarray], track: SpeakerTrack | None = None) -> list[int]:
    """The first pictures of all shots but the first."""
    changes: list[float] = []
    assert sum(1 for _ in measure_changes(shown, changes)) == len(shown)
    shots = find_shots(changes, track or nobody(len(shown)))
    assert len(shots) == len(shown) and shots[0] == 0
    return (np.flatnonzero(np.diff(shots)) + 1).tolist()


def closer(picture: np.ndarray, factor: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((140, 100), 0, factor)
    return cv2.warpAffine(picture, matrix, (280, 280), borderMode=cv2.BORDER_REFLECT)


def test_a_swaying_head_is_one_shot() -> None:
    assert cuts(pictures(40)) == []
    assert cuts(pictures(1)) == [] and cuts(pictures(2)) == []


@pytest.mark.parametrize("factor", [1.05, 1.15, 1.5])
def test_a_punch_in_is_a_cut(factor: float) -> None:
    shown = pictures(30)
    assert cuts([*shown[:13], *(closer(picture, factor) for picture in shown[13:])]) == [13]


def test_another_scene_and_back() -> None:
    shown = pictures(30)
    assert cuts([*shown[:10], *[empty_room()] * 5, *shown[15:]]) == [10, 15]


def test_light_and_motion_are_no_cuts() -> None:
    shown = pictures(40)
    flash = [*shown[:20], np.clip(shown[20] * 1.8, 0, 255).astype(np.uint8), *shown[21:]]
    assert cuts(flash) == []
    assert cuts([(picture * (1 - 0.02 * index)).astype(np.uint8) for index, picture in enumerate(shown)]) == []
    shaken = [np.roll(picture, (9 * (-1) ** index, 0), (0, 1)) for index, picture in enumerate(shown)]
    assert cuts(shaken) == []


def test_repeated_pictures_are_no_cuts() -> None:
    """A film of half the rate, every picture shown twice."""
    fast = [np.roll(picture, 6 * index, 1) for index, picture in enumerate(pictures(20))]
    assert cuts([picture for picture in fast for _ in range(2)]) == []


def still(places: Sequence[tuple[float, float, float]]) -> SpeakerTrack:
    """A face of some width (third number) around a place in every picture, 280 x 280."""
    angle = np.pi * np.arange(17) / 16
    face = np.zeros((68, 2))
    face[:17] = np.stack([-0.5 * np.cos(angle), 0.7 * np.sin(angle) - 0.2], axis=1)
    face[48:68] = (0.0, 0.25)
    points = np.stack([width * face + (x, y) for x, y, width in places])
    regions = np.array([(x, y, 2 * width, 0.0) for x, y, width in places])
    return SpeakerTrack(np.ones(len(points), bool), regions, points, 280, 280)


def test_where_the_picture_hardly_changes_the_face_s_jump_decides() -> None:
    plain = np.full((20, 280, 280, 3), 128, np.uint8)
    for index, picture in enumerate(plain):
        picture[100:180, 100 + index : 160 + index] = 140 + index % 2  # something moves
    plain[10:, 60:180, 60:180] += 8
    assert cuts(list(plain), still([(140, 120, 80)] * 20)) == []
    assert cuts(list(plain), still([(140, 120, 80)] * 10 + [(155, 130, 80)] * 10)) == [10]


def test_every_shot_has_its_own_scale_and_place() -> None:
    """A punch-in of 1.15 used to lay the crops of the shot before it wrong."""
    track = still([(140, 120, 80)] * 30 + [(150, 110, 92)] * 20)
    shots = np.repeat([0, 1], [30, 20])
    geometry = shot_geometry(track, shots, 128, 1.7, 0.4, 25.0)
    for part, width in ((slice(0, 30), 80), (slice(30, 50), 92)):
        scale = geometry.transforms[part, 0]
        assert np.array_equal(geometry.transforms[part], np.repeat(geometry.transforms[part][:1], len(scale), 0))
        assert scale == pytest.approx(128 / (1.7 * width))
        crop = scale[:, None, None] * track.points[part] + geometry.transforms[part][:, None, [2, 5]]
        assert face_width(crop) == pytest.approx(128 / 1.7)
        assert crop[:, 33, 1] == pytest.approx(64)
    assert geometry.valid.all()
    whole = crop_geometry(still([(140, 120, 80)] * 30), 80.0, 128, 1.7, 0.4, 25.0)
    assert np.array_equal(geometry.regions[:30], whole.regions)


def test_a_shot_without_a_face_is_not_valid() -> None:
    track = still([(140, 120, 80)] * 30)
    track.found[:10] = track.found[20:] = False
    geometry = shot_geometry(track, np.repeat([0, 1, 2], 10), 128, 1.7, 0.4, 25.0)
    assert geometry.valid.tolist() == [False] * 10 + [True] * 10 + [False] * 10
    assert np.array_equal(geometry.transforms, np.repeat(geometry.transforms[10:11], 30, axis=0))
