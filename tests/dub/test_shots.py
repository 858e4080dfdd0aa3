"""Films of several shots: each has its own scale and light, and another person is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.dub.settings import DubReport, DubSettings
from difftalker.dub.usable_faces import FADE_PICTURES, painting_opacity
from difftalker.face.crop import face_width
from difftalker.face.topology import CONDITION
from difftalker.talking_face import TalkingFace
from tests.dub.test_make_film import planes
from tests.dub.tiny_face import Tiny, pictures
from tests.footage import write_footage

Speech = Callable[..., Path]


CUT = 14  # the first picture of the second shot


def closer(picture: np.ndarray, factor: float = 1.15) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((140, 90), 0, factor)
    return cv2.warpAffine(picture, matrix, (280, 280), borderMode=cv2.BORDER_REFLECT)


def somebody_else(picture: np.ndarray) -> np.ndarray:
    """The portrait with other eyes and brows: the upper face upside down within its outline, a beard of noise."""
    changed = picture.copy()
    upper = changed[70:145, 85:175]
    changed[70:145, 85:175] = cv2.GaussianBlur(upper[::-1], (0, 0), 1)
    return changed


@pytest.fixture(scope="module")
def punched(tiny: Tiny, speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, DubReport]:
    """A film with a punch-in of 1.15, darker from there on: base, dubbed, report."""
    shown = pictures(30)
    shown[CUT:] = [(0.7 * closer(picture)).astype(np.uint8) for picture in shown[CUT:]]
    folder = tmp_path_factory.mktemp("punched")
    film = write_footage(folder / "base.mkv", shown)
    face = TalkingFace.load(tiny.folder, device="cpu")
    return film, folder / "out.mkv", face.dub(speech(1.2), folder / "out.mkv", film, settings=DubSettings("lossless"))


def test_every_shot_has_its_own_scale(tiny: Tiny, punched: tuple[Path, Path, DubReport], speech: Speech) -> None:
    film, _, report = punched
    assert report.unpainted == [] and len(report.warnings) == 1 and "Matroska" in report.warnings[0]
    with TalkingFace.load(tiny.folder, device="cpu").planned(speech(1.2), film) as plan:
        footage_face = plan.footage_face
    assert footage_face.shots.tolist() == [0] * CUT + [1] * (30 - CUT)
    assert footage_face.valid.all()
    scale = footage_face.transforms[:, 0]
    assert scale[0] / scale[-1] == pytest.approx(1.15, rel=0.02)
    assert len(set(scale[:CUT])) == len(set(scale[CUT:])) == 1
    for part in (slice(0, CUT), slice(CUT, None)):  # the shots lie alike in their crops
        np.testing.assert_allclose(
            footage_face.landmarks[part][:, CONDITION].mean(axis=0),
            tiny.footage_face.landmarks[:, CONDITION].mean(axis=0),
            atol=0.015,
        )
    assert face_width(footage_face.landmarks).std() < 0.01
    steps = np.linalg.norm(np.diff(footage_face.landmarks[:, CONDITION], axis=0), axis=2).max(axis=1)
    assert steps.max() < 0.03  # nothing is drawn across the cut


def test_both_shots_are_painted_in_their_own_light(punched: tuple[Path, Path, DubReport]) -> None:
    film, output, _ = punched
    painted = []
    for before, after in zip(planes(film), planes(output), strict=True):
        changed = before[0] != after[0]
        assert changed.mean() > 0.03
        painted.append(float(after[0][changed].mean()) - 16)
    assert np.mean(painted[CUT:]) / np.mean(painted[:CUT]) == pytest.approx(0.7, abs=0.07)


def test_another_person_s_shot_is_left_alone(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    shown = pictures(30)
    shown[CUT:] = [somebody_else(closer(picture, 1.05)) for picture in shown[CUT:]]
    film = write_footage(tmp_path / "base.mkv", shown)
    face = TalkingFace.load(tiny.folder, device="cpu")
    report = face.dub(speech(1.2), tmp_path / "out.mkv", film, settings=DubSettings("lossless"))
    assert report.unpainted == [(CUT / 25, 30 / 25)]
    assert any("1 of 2 shots" in warning and "another person" in warning for warning in report.warnings)
    source, made = planes(film), planes(tmp_path / "out.mkv")
    for index in range(30):
        same = all(np.array_equal(a, b) for a, b in zip(source[index], made[index], strict=True))
        assert same == (index >= CUT), index  # up to the cut, without fading before it


def test_painting_does_not_fade_across_a_cut() -> None:
    valid, shots = np.ones(30, bool), np.repeat([0, 1, 2], 10)
    valid[10:20] = False
    assert painting_opacity(valid, shots).tolist() == [1.0] * 10 + [0.0] * 10 + [1.0] * 10
    valid[5] = False
    shown = painting_opacity(valid, shots)
    assert np.all(np.diff(shown[5:10]) > 0) and shown[5 + FADE_PICTURES - 1] < 1 and np.all(shown[20:] == 1)
