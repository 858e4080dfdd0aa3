"""Films of several shots: each has its own scale and light, and another person is left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.dub.identity import HEIGHT, WIDTH, choose_looks, mean_look, speaker_shots, upper_look
from difftalker.dub.settings import Report, Settings
from difftalker.dub.usable_faces import FADE, visibility
from difftalker.face.crop import cut, face_width
from difftalker.face.topology import CONDITION
from difftalker.talking_face import TalkingFace
from tests.dub.test_make_film import planes
from tests.dub.tiny_face import SIZE, Tiny, pictures
from tests.footage import write_footage

LOOK = WIDTH * HEIGHT

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
def punched(tiny: Tiny, speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Report]:
    """A film with a punch-in of 1.15, darker from there on: base, dubbed, report."""
    shown = pictures(30)
    shown[CUT:] = [(0.7 * closer(picture)).astype(np.uint8) for picture in shown[CUT:]]
    folder = tmp_path_factory.mktemp("punched")
    film = write_footage(folder / "base.mkv", shown)
    face = TalkingFace.load(tiny.folder, device="cpu")
    return film, folder / "out.mkv", face.dub(speech(1.2), folder / "out.mkv", film, settings=Settings("lossless"))


def test_every_shot_has_its_own_scale(tiny: Tiny, punched: tuple[Path, Path, Report], speech: Speech) -> None:
    film, _, report = punched
    assert report.unpainted == [] and len(report.warnings) == 1 and "Matroska" in report.warnings[0]
    with TalkingFace.load(tiny.folder, device="cpu").planned(speech(1.2), film) as plan:
        scene = plan.scene
    assert scene.shots.tolist() == [0] * CUT + [1] * (30 - CUT)
    assert scene.valid.all()
    scale = scene.transforms[:, 0]
    assert scale[0] / scale[-1] == pytest.approx(1.15, rel=0.02)
    assert len(set(scale[:CUT])) == len(set(scale[CUT:])) == 1
    for part in (slice(0, CUT), slice(CUT, None)):  # the shots lie alike in their crops
        np.testing.assert_allclose(
            scene.landmarks[part][:, CONDITION].mean(axis=0),
            tiny.scene.landmarks[:, CONDITION].mean(axis=0),
            atol=0.015,
        )
    assert face_width(scene.landmarks).std() < 0.01
    steps = np.linalg.norm(np.diff(scene.landmarks[:, CONDITION], axis=0), axis=2).max(axis=1)
    assert steps.max() < 0.03  # nothing is drawn across the cut


def test_both_shots_are_painted_in_their_own_light(punched: tuple[Path, Path, Report]) -> None:
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
    report = face.dub(speech(1.2), tmp_path / "out.mkv", film, settings=Settings("lossless"))
    assert report.unpainted == [(CUT / 25, 30 / 25)]
    assert any("1 of 2 shots" in warning and "another person" in warning for warning in report.warnings)
    source, made = planes(film), planes(tmp_path / "out.mkv")
    for index in range(30):
        same = all(np.array_equal(a, b) for a, b in zip(source[index], made[index], strict=True))
        assert same == (index >= CUT), index  # up to the cut, without fading before it


def test_painting_does_not_fade_across_a_cut() -> None:
    valid, shots = np.ones(30, bool), np.repeat([0, 1, 2], 10)
    valid[10:20] = False
    assert visibility(valid, shots).tolist() == [1.0] * 10 + [0.0] * 10 + [1.0] * 10
    valid[5] = False
    shown = visibility(valid, shots)
    assert np.all(np.diff(shown[5:10]) > 0) and shown[5 + FADE - 1] < 1 and np.all(shown[20:] == 1)


def test_looks_do_not_depend_on_light_size_and_place(tiny: Tiny) -> None:
    crop, points = cut(pictures(1)[0], tiny.scene.transforms[0], SIZE), tiny.scene.landmarks[0]
    look = upper_look(crop, points)
    assert look.shape == (LOOK,) and np.linalg.norm(look) == pytest.approx(1, abs=1e-5)
    scaled = crop.astype(float) / 255
    side = np.linspace(0.5, 1.0, SIZE)[:, None]
    for light in (0.5 * scaled, scaled**0.7, scaled**1.4, scaled * (1.0, 0.8, 0.6), scaled * side):
        assert upper_look(np.rint(255 * light).astype(np.uint8), points) @ look > 0.9
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), 12, 0.9)
    turned = cv2.warpAffine(crop, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    pixels = points * SIZE - 0.5
    assert upper_look(turned, (pixels @ matrix[:, :2].T + matrix[:, 2] + 0.5) / SIZE) @ look > 0.9
    below = crop.copy()
    below[round(float(points[33, 1]) * SIZE) + 4 :] = 0  # what the mouth does is not looked at
    assert np.array_equal(upper_look(below, points), look)


def test_which_shots_are_the_speaker_s() -> None:
    random = np.random.default_rng(0)
    known, others = (mean_look([random.normal(size=LOOK)]) for _ in range(2))

    def like(share: float) -> np.ndarray:
        return mean_look([share * known + np.sqrt(1 - share**2) * (others - others @ known * known)])

    looks = np.stack([like(0.95), like(0.4), like(0.7), like(0.7), np.zeros(LOOK, np.float32)])
    oddness = np.array([0.3, 0.3, 0.3, 1.0, 0.0])
    assert speaker_shots(looks, oddness, known[None]).tolist() == [True, False, True, False, True]
    assert speaker_shots(looks[1:2], oddness[1:2], known[None]).tolist() == [True]  # all or nothing is no judgement


def test_looks_are_chosen_to_differ() -> None:
    random = np.random.default_rng(0)
    centres = [mean_look([random.normal(size=LOOK)]) for _ in range(3)]
    looks = np.stack([mean_look([centre + 0.01 * random.normal(size=LOOK)]) for centre in centres for _ in range(5)])
    chosen = choose_looks(looks, 3)
    assert sorted(int(np.argmax(look @ np.stack(centres).T)) for look in chosen) == [0, 1, 2]
    assert len(choose_looks(looks[:2], 8)) == 2
    assert np.array_equal(mean_look([]), np.zeros(LOOK))
