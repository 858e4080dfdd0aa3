"""Who speaks: from openings and sound alone, and on pictures of two faces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.config import FramesConfig, VideoConfig
from difftalker.dub.choose_face import make_chooser
from difftalker.face.active_speaker import agreement, find_speaker, others_speak, picture_power, who_speaks
from difftalker.face.extract_frames import extract_recording
from difftalker.face.tracking import ClipFaces, DetectedFace, FaceTrack, largest_track, track_faces
from difftalker.media.decode import decode_audio, decode_frames
from difftalker.tables import read_table, tensor_column
from tests.footage import portrait, portrait_points, write_footage

FPS = 25.0
COUNT = 150
CLIPS = Path(__file__).parents[2].parent / "shared" / "grid_s1" / "clips"


def syllables(seed: int, count: int = COUNT) -> np.ndarray:
    """How far a mouth is open while it speaks, 0 to 1: humps of irregular length and height, with a pause."""
    rng = np.random.default_rng(seed)
    opening, at = np.zeros(count), 5
    while at < count - 8:
        length = int(rng.integers(4, 8))
        opening[at : at + length] = rng.uniform(0.4, 1) * np.hanning(length + 2)[1:-1]
        at += length + int(rng.choice([0, 0, 1, 8]))
    return opening


def sound_of(opening: np.ndarray) -> np.ndarray:
    """Noise as loud as the mouth is open, int16."""
    loudness = np.interp(np.arange(len(opening) * 640) / 640, np.arange(len(opening)) + 0.5, opening)
    return (
        (np.random.default_rng(1).normal(size=len(loudness)) * (20 + 6000 * loudness))
        .clip(-32768, 32767)
        .astype(np.int16)
    )


def face(opening: float, x: float = 0.0, size: float = 100.0) -> DetectedFace:
    points = np.tile([x, 100.0], (68, 1))
    points[[0, 16]] = [[x - size / 2, 80], [x + size / 2, 80]]
    points[[67, 66, 65], 1] += opening * 0.15 * size
    return DetectedFace(np.array([x, 100, 1.9 * size, 0]), points)


def track(opening: Iterable[float], x: float = 0.0, size: float = 100.0, first: int = 0) -> FaceTrack:
    noise = np.random.default_rng(int(x))
    return {first + i: face(value + noise.normal(0, 0.01), x, size) for i, value in enumerate(opening)}


@pytest.mark.parametrize("seed", range(6))
def test_the_mouth_that_moves_with_the_sound_speaks(seed: int) -> None:
    other, speaker = track(syllables(seed), 100, 140), track(syllables(seed + 50), 400, 60)
    power = picture_power(sound_of(syllables(seed + 50)), COUNT, FPS)
    assert who_speaks([other, speaker], power, FPS) == 1
    faces, heard = find_speaker([other, speaker], power, FPS)
    assert heard and faces == speaker
    assert agreement(speaker, power, FPS) > agreement(other, power, FPS) + 0.3


def test_a_listener_does_not_speak() -> None:
    power = picture_power(sound_of(syllables(3)), COUNT, FPS)
    assert who_speaks([track(np.zeros(COUNT), 0, 150), track(syllables(3), 300)], power, FPS) == 1


@pytest.mark.parametrize("power", [np.zeros(COUNT), np.full(COUNT, 1e6)], ids=["silence", "music"])
def test_without_a_clear_answer_the_largest_face_is_taken(power: np.ndarray) -> None:
    large, small = track(syllables(1), 100, 140), track(syllables(2), 400, 60)
    assert who_speaks([small, large], power, FPS) is None
    faces, heard = find_speaker([small, large], power, FPS)
    assert not heard and faces == large == largest_track([small, large])


def test_faces_that_are_not_seen_together_for_long_are_not_compared() -> None:
    power = picture_power(sound_of(syllables(7)), COUNT, FPS)
    brief = dict(list(track(syllables(7), 400, 60).items())[:40])
    assert who_speaks([track(syllables(8), 100, 140), brief], power, FPS) is None
    assert who_speaks([brief], power, FPS) is None and who_speaks([], power, FPS) is None
    assert find_speaker([], power, FPS) == ({}, False)


def test_two_who_talk_in_turn() -> None:
    """The first speaks for eight seconds, then the second for four; the sound holds both."""
    first, second = syllables(10, 200), syllables(11, 100)
    own = track(np.concatenate([first, np.zeros(100)]), 100, 120)
    other = track(np.concatenate([np.zeros(200), second]), 400, 100)
    power = picture_power(sound_of(np.concatenate([first, second])), 300, FPS)
    chosen, _ = find_speaker([own, other], power, FPS)
    assert chosen == own
    foreign = others_speak(chosen, [own, other], power, FPS)
    assert not foreign[:190].any() and foreign[215:285].mean() > 0.8
    assert not others_speak(chosen, [own], power, FPS).any()


def test_power_of_pictures() -> None:
    sound = np.repeat(np.array([0, 100, -200], np.int16), 640)
    assert picture_power(sound, 4, FPS).tolist() == [0, 1e4, 4e4, 0]
    assert picture_power(sound[:0], 2, FPS).tolist() == [0, 0]


def talking(openings: np.ndarray, size: int) -> list[np.ndarray]:
    """The portrait with a drawn mouth, (size, size, 3) each."""
    centre = portrait_points()[48:68].mean(axis=0)
    pictures = []
    for opening in openings:
        picture = portrait().copy()
        for axes, colour in (((36, 12 + 14 * opening), (176, 84, 84)), ((28, 1 + 14 * opening), (52, 14, 20))):
            cv2.ellipse(picture, (tuple(map(float, centre)), axes, 0.0), colour, -1, cv2.LINE_AA)
        pictures.append(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))
    return pictures


def beside(left: list[np.ndarray], right: list[np.ndarray]) -> list[np.ndarray]:
    height = max(left[0].shape[0], right[0].shape[0])
    wall = [np.full((height, side[0].shape[1], 3), 110, np.uint8) for side in (left, right)]
    pictures = []
    for pair in zip(left, right, strict=True):
        parts = [ground.copy() for ground in wall]
        for part, picture in zip(parts, pair, strict=True):
            part[: picture.shape[0]] = picture
        pictures.append(np.concatenate(parts, axis=1))
    return pictures


def test_extraction_follows_the_smaller_face_that_speaks(tmp_path: Path) -> None:
    other, speaker = syllables(20, 75), syllables(21, 75)
    (tmp_path / "raw").mkdir()
    write_footage(tmp_path / "raw/a.mp4", beside(talking(other, 280), talking(speaker, 200)), 25.0, sound_of(speaker))
    (clip,) = extract_recording(
        tmp_path / "raw", tmp_path / "out", VideoConfig(25.0, 64), FramesConfig("jpeg", 1.7, 0.4), workers=1
    )
    assert any("whose mouth moves with the sound" in warning for warning in clip.warnings)
    transforms = tensor_column(read_table(tmp_path / "out/geometry.parquet"), "transform")
    middle = (32 - transforms[:, 2]) / transforms[:, 0]
    assert (middle > 280).all()


@pytest.mark.skipif(not CLIPS.is_dir(), reason=f"no GRID clips in {CLIPS}")
@pytest.mark.parametrize("heard", [0, 1])
def test_two_real_speakers(heard: int) -> None:
    """Two clips side by side, one smaller, with the sound of one; the base video of a dub is judged alike."""
    paths = [CLIPS / name for name in ("bbaf2n.mpg", "bgit4n.mpg")]
    left, right = (list(decode_frames(path, FPS)) for path in paths)
    right = [cv2.resize(picture, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA) for picture in right]
    (cast,) = track_faces([beside(left, right)])
    power = picture_power(np.concatenate(list(decode_audio(paths[heard], 48_000))), cast.count, FPS)
    faces, sure = find_speaker(cast.tracks, power, FPS)
    assert sure and (faces[0].region[0] > 360) == (heard == 1)
    chosen = make_chooser((0.3, 0.5, 0.2), None, lambda text: None)(cast, power, FPS)
    assert chosen == faces
    silent = make_chooser((0.72, 0.4, 0.12), None, lambda text: None)(cast, None, FPS)  # where the trained speaker was
    assert silent[0].region[0] > 360


def test_the_sound_of_a_base_video_is_asked_before_the_place() -> None:
    left, right = track(syllables(30), 100, 100), track(syllables(31), 400, 100)
    cast = ClipFaces([left, right], COUNT, 500, 200)
    power = picture_power(sound_of(syllables(31)), COUNT, FPS)
    said: list[str] = []
    assert make_chooser((0.2, 0.5, 0.2), None, said.append)(cast, power, FPS) == right
    assert make_chooser((0.2, 0.5, 0.2), None, said.append)(cast, None, FPS) == left
    assert make_chooser((0.2, 0.5, 0.2), 1, said.append)(cast, power, FPS) == left
    assert len(said) == 2 and "face 2 is dubbed" in said[0]
