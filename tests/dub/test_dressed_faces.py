"""Glasses, a beard, a hand before the mouth, a profile: every picture is painted below the eyes, or listed and left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.dub.settings import DubReport, DubSettings
from difftalker.talking_face import TalkingFace
from tests.dub.test_make_film import planes
from tests.dub.tiny_face import Tiny, pictures
from tests.face.heads import turned
from tests.footage import portrait_points, write_footage

COUNT, FIRST, LAST = 30, 10, 20  # pictures; something is before the face, or it is turned, from the first to the last
SKIN = (205, 160, 135)


def glasses(picture: np.ndarray) -> np.ndarray:
    """Dark rims around both eyes, and a bridge."""
    points, worn = portrait_points(), picture.copy()
    eyes = [points[36:42].mean(0), points[42:48].mean(0)]
    for eye in eyes:
        cv2.circle(worn, (int(eye[0]), int(eye[1])), 15, (25, 20, 20), 2, cv2.LINE_AA)
    cv2.line(worn, (int(eyes[0][0]) + 15, int(eyes[0][1])), (int(eyes[1][0]) - 15, int(eyes[1][1])), (25, 20, 20), 2)
    return worn


def beard(picture: np.ndarray) -> np.ndarray:
    """Dark hair along the jaw and over the lip; the mouth stays free."""
    points, worn = portrait_points(), picture.copy()
    hair = np.zeros(picture.shape[:2], np.uint8)
    outline = np.concatenate([points[2:15], points[[35, 31]]])
    cv2.fillPoly(hair, [outline.astype(np.int32)], 1)
    cv2.fillPoly(hair, [points[48:60].astype(np.int32)], 0)
    strands = np.random.default_rng(0).integers(20, 60, (*picture.shape[:2], 1), np.uint8)
    return np.where(hair[..., None] == 1, np.repeat(strands, 3, axis=2), worn)


def hand(picture: np.ndarray) -> np.ndarray:
    """A palm with four fingers before mouth and chin."""
    points, held = portrait_points(), picture.copy()
    x, y = (int(value) for value in points[48:68].mean(0))
    for finger in range(4):
        cv2.ellipse(held, (x - 30 + 20 * finger, y), (11, 38), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    cv2.rectangle(held, (x - 40, y + 20), (x + 40, 279), SKIN, -1)
    return held


def profile(picture: np.ndarray) -> np.ndarray:
    """The head turned by 60 degrees."""
    return turned(60)[0]


@pytest.fixture
def dub(tiny: Tiny, speech: Callable[..., Path], tmp_path: Path) -> Callable[..., tuple[DubReport, list, list]]:
    def make(shown: list[np.ndarray]) -> tuple[DubReport, list, list]:
        """Report, and the luma of every picture of the source and of the film."""
        film = write_footage(tmp_path / "base.mkv", shown)
        face = TalkingFace.load(tiny.folder, device="cpu")
        report = face.dub(speech(COUNT / 25), tmp_path / "out.mkv", film, settings=DubSettings("lossless"))
        return report, planes(film), planes(tmp_path / "out.mkv")

    return make


def painted(report: DubReport, source: list, made: list) -> list[bool]:
    """Which pictures were painted; that they were so below the eyes alone, and that all others are listed."""
    assert len(made) == report.frames == COUNT
    eyes = int(portrait_points()[36:48, 1].max()) - 8  # the portrait sways by some pixels
    found = []
    for index, (before, after) in enumerate(zip(source, made, strict=True)):
        assert all(np.array_equal(a[:eyes], b[:eyes]) for a, b in zip(before, after, strict=True)), index
        same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        listed = any(start - 1e-6 <= index / 25 < end - 1e-6 for start, end in report.unpainted)
        assert not same or listed, f"picture {index} is the source's, and nothing says so"
        found.append(not same)
    return found


@pytest.mark.parametrize("wear", [glasses, beard])
def test_what_is_worn_all_the_time_is_painted(dub: Callable, wear: Callable) -> None:
    assert all(painted(*dub([wear(picture) for picture in pictures(COUNT)])))


@pytest.mark.parametrize("change", [hand, profile])
def test_what_comes_and_goes(dub: Callable, change: Callable) -> None:
    shown = pictures(COUNT)
    shown[FIRST:LAST] = [change(picture) for picture in shown[FIRST:LAST]]
    report, source, made = dub(shown)
    found = painted(report, source, made)
    assert found[0] and found[-1]
    if change is profile:  # of a face that was trained from the front
        assert not any(found[FIRST:LAST]) and report.unpainted
