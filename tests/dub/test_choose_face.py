"""Frames without a usable face, several faces, other people."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.completion.head_frame import HeadFrame
from difftalker.completion.network import LandmarkCompletion
from difftalker.dub.choose_face import make_chooser
from difftalker.dub.settings import DubSettings
from difftalker.dub.usable_faces import FADE_PICTURES, head_turn, is_within_training, painting_opacity, shape_deviation
from difftalker.errors import UserError
from difftalker.face.tracking import ClipFaces, DetectedFace
from difftalker.face_folder import read_description, write_description
from difftalker.talking_face import TalkingFace
from tests.dub.test_make_film import planes
from tests.dub.tiny_face import Tiny, pictures
from tests.footage import empty_room, write_footage

Speech = Callable[..., Path]


def test_frames_without_a_face_pass_through(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    shown = pictures(30)
    shown[10:15] = [empty_room()] * 5
    film = write_footage(tmp_path / "base.mp4", shown)
    face = TalkingFace.load(tiny.folder, device="cpu")
    report = face.dub(speech(1.2), tmp_path / "out.mkv", film, settings=DubSettings("lossless"))
    ((first, last),) = report.unpainted
    assert first <= 10 / 25 and last >= 15 / 25 and last - first < 0.6
    source, made = planes(film), planes(tmp_path / "out.mkv")
    for index in range(10, 15):
        assert all(np.array_equal(a, b) for a, b in zip(source[index], made[index], strict=True))
    assert not np.array_equal(source[3][0], made[3][0])


def test_footage_without_any_face(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    film = write_footage(tmp_path / "base.mp4", [empty_room()] * 10)
    with pytest.raises(UserError, match="no face found in any of its 10 frames"):
        TalkingFace.load(tiny.folder, device="cpu").dub(speech(0.4), tmp_path / "out.mp4", film)
    assert not (tmp_path / "out.mp4").exists()


def test_painting_fades_beside_frames_left_alone() -> None:
    valid, shots = np.ones(20, bool), np.zeros(20, int)
    valid[8] = False
    shown = painting_opacity(valid, shots)
    assert shown[8] == 0 and shown[0] == shown[8 + FADE_PICTURES] == 1
    assert np.all(np.diff(shown[8 : 8 + FADE_PICTURES + 1]) > 0) and np.array_equal(shown[:17], shown[:17][::-1])
    assert np.all(painting_opacity(valid[:3], shots[:3]) == 1) and np.all(painting_opacity(valid[8:9], shots[8:9]) == 0)


def test_turned_and_deviating_faces_are_left_alone(tiny: Tiny) -> None:
    model = LandmarkCompletion.load(tiny.folder / "landmarks")
    points = tiny.footage_face.landmarks[:3].copy()

    def deviations(points: np.ndarray) -> np.ndarray:
        return shape_deviation(HeadFrame(points, model.mean_shape.numpy()).normalise(points), model)

    assert is_within_training(points, deviations(points), (0.45, 0.55), 3.0).all()
    points[1, 30] += 0.3 * (points[1, 16] - points[1, 0])  # the nose's tip over the cheek: a profile
    points[2, 36:48] += np.float32(0.2)  # eyes where a hand is
    assert head_turn(points)[1] > head_turn(points)[0] + 0.25
    assert is_within_training(points, deviations(points), (0.45, 0.55), 3.0).tolist() == [True, False, False]
    assert deviations(points)[2] > 10 * deviations(points)[0]


def test_another_person_is_noticed(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    shutil.copytree(tiny.folder, tmp_path / "face")
    description = read_description(tiny.folder)
    speaker = replace(
        description.speaker, shape_deviation=[0.01, 0.02]
    )  # as if the training had shown nearly one shape only
    write_description(tmp_path / "face", replace(description, speaker=speaker))
    face = replace(tiny, folder=tmp_path / "face").load()
    report = face.dub(speech(0.2), tmp_path / "out.mp4")
    assert any("another person" in warning for warning in report.warnings)


def people() -> ClipFaces:
    """Two people side by side, the left one smaller; and a short false alarm."""
    points = np.zeros((68, 2), np.float32)

    def face(x: float, side: float) -> DetectedFace:
        return DetectedFace(np.array([x + side / 2, 40 + side / 2, 1.8 * side, 0.0]), points)

    tracks = [
        {index: face(120, 80) for index in range(50)},
        {index: face(20, 40) for index in range(50)},
        {3: face(250, 30)},
    ]
    return ClipFaces(tracks, 50, 300, 200)


@pytest.mark.parametrize(
    ("position", "number", "side"),
    [
        (None, None, 80),  # the largest
        ((0.13, 0.3, 0.14), None, 40),  # where and as large as the trained speaker was
        ((0.53, 0.4, 0.27), None, 80),
        ((0.53, 0.4, 0.27), 1, 40),  # from the left
        (None, 2, 80),
    ],
)
def test_which_face(position: tuple[float, float, float] | None, number: int | None, side: float) -> None:
    said: list[str] = []
    chosen = make_chooser(position, number, said.append)(people(), None, 25.0)
    assert len(chosen) == 50
    assert chosen[0].box[2] - chosen[0].box[0] == pytest.approx(side)
    assert bool(said) == (number is None)
    assert number is not None or "--track" in said[0]


def test_face_that_is_not_there() -> None:
    with pytest.raises(UserError, match="--track 3: 2 faces were found"):
        make_chooser(None, 3, lambda text: None)(people(), None, 25.0)
    with pytest.raises(UserError, match="--track 2: 1 face was found"):
        make_chooser(None, 2, lambda text: None)(replace(people(), tracks=people().tracks[:1]), None, 25.0)


def test_rotated_footage_is_upright(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    turned = [np.ascontiguousarray(np.rot90(picture, -1)) for picture in pictures(12)]
    film = write_footage(tmp_path / "base.mp4", [picture[:, :240] for picture in turned], rotation=90)
    face = TalkingFace.load(tiny.folder, device="cpu")
    face.dub(speech(0.4), tmp_path / "out.mp4", film)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (280, 240, 0)
