"""The parts of the chain, each against a plain computation."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from difftalker.audio.encoder import AudioEncoder, SoundSource
from difftalker.audio.loudness import row_power
from difftalker.audio.silence import rest, silent_rows
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.audio.windows import RowReader
from difftalker.completion.closed_mouth import closed_mouth, settle
from difftalker.completion.jaw import fit_jaw, move_jaw
from difftalker.dub.audio_features import Features
from difftalker.dub.picture_order import picture_order, turning_points
from difftalker.dub.prefetch import ahead
from difftalker.dub.sound import spool_sound
from difftalker.face.topology import CONTOUR, MOUTH
from difftalker.media.planes import from_frame, to_frame, working_format
from difftalker.media.wav import RATE, write_wav
from tests.dub.conftest import syllables
from tests.dub.tiny_face import Tiny


@given(st.integers(1, 300), st.integers(1, 40), st.data())
def test_successive_frames_show_neighbours(frames: int, pictures: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, pictures - 1))
    last = data.draw(st.integers(first, pictures - 1))
    order = picture_order(frames, pictures, (first, last))
    assert len(order) == frames and order.min() >= 0 and order.max() < pictures
    assert np.all(np.abs(np.diff(order)) <= 1)
    if frames <= pictures:
        assert np.array_equal(order, np.arange(frames))
    else:
        assert order.min() >= first and order.max() <= last


def test_it_turns_where_the_head_is_still() -> None:
    places = np.cumsum(np.ones((100, 2)), axis=0)
    places[12:15] = places[12]
    places[90:93] = places[90]
    assert turning_points(places, 25.0) == (13, 91)


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 50.0])
def test_features_of_parts_are_those_of_the_whole(tmp_path: Path, fps: float) -> None:
    samples = syllables(9.0)
    write_wav(tmp_path / "in.wav", [samples])
    sound = spool_sound(tmp_path / "in.wav", tmp_path / "spool.wav")
    frames = round(9.0 * fps)
    encoder = WhisperEncoder()
    whole = encoder.encode(samples, frames, fps)
    features = Features(encoder, sound, fps)
    for first, last in ((0, frames), (0, 7), (7, 31), (frames - 3, frames), (40, 41), (80, 160)):
        np.testing.assert_array_equal(features.read(first, last), whole[first:last])


def test_stereo_of_8_khz_is_heard_like_its_mono(tmp_path: Path) -> None:
    mono = syllables(3.0)[::2]
    with wave.open(str(tmp_path / "phone.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.repeat(mono, 2).astype("<i2").tobytes())
    sound = spool_sound(tmp_path / "phone.wav", tmp_path / "spool.wav")
    heard = Features(WhisperEncoder(), sound, 25.0).read(0, 75)
    doubled = np.rint(resample_poly(mono.astype(float), 2, 1)).clip(-32768, 32767).astype(np.int16)
    expected = WhisperEncoder().encode(doubled, 75, 25.0)
    assert heard.shape == (75, 16, 29) and np.corrcoef(heard.ravel(), expected.ravel())[0, 1] > 0.95


class Listening(AudioEncoder):
    """Needs the whole sound; its rows can be recognised."""

    def listen(self, sound: SoundSource) -> RowReader:
        power = row_power(sound.mapped())
        rows = np.pad(power.cumsum()[:, None] * np.arange(29), ((50, 50), (0, 0)))
        return lambda first, last: rows[first + 50 : last + 50].astype(np.float32)


def test_encoders_with_memory_hear_the_whole(tmp_path: Path) -> None:
    samples = syllables(2.0)
    write_wav(tmp_path / "in.wav", [samples])
    sound = spool_sound(tmp_path / "in.wav", tmp_path / "spool.wav")
    features = Features(Listening(), sound, 25.0)
    whole = Listening().encode(samples, 50, 25.0)
    assert np.array_equal(features.read(0, 50), whole) and np.array_equal(features.read(20, 41), whole[20:41])


def test_the_mouth_rests_in_silence() -> None:
    samples = np.concatenate([syllables(1.0), np.zeros(RATE, np.int16), syllables(1.0)])
    power = (samples.reshape(-1, 320) / 32768.0) ** 2
    silent = silent_rows(power.mean(1), 0.01)
    assert silent[52:98].all() and not silent[:45].any() and not silent[105:].any()
    weight = rest(silent, 75, 25.0)
    assert np.all(weight[:25] == 0) and np.all(weight[50:] == 0)
    assert weight[30] == 1  # 0.2 s after the speech
    assert np.all(weight[30:46] == 1) and 0 < weight[27] < 1


def test_steady_noise_is_silence_and_short_gaps_are_not() -> None:
    hiss = np.random.default_rng(0).normal(size=3 * RATE) * 120
    hiss[RATE : 2 * RATE] += syllables(1.0)
    power = ((hiss / 32768) ** 2).reshape(-1, 320).mean(1)
    silent = silent_rows(power, float(np.quantile(power, 0.95)))
    assert silent[:45].mean() > 0.95 and silent[105:].mean() > 0.95
    assert not silent[52:98].any()  # the syllables' own gaps of 0.1 s


def test_settled_mouth_is_the_closed_one(tiny: Tiny) -> None:
    points = tiny.scene.landmarks[:4]
    shape = points[0]
    closed = shape[MOUTH] + np.float32(0.01)
    settled = settle(points, shape, closed, np.array([1.0, 0.5, 0.0, 0.0], np.float32))
    np.testing.assert_allclose(settled[0, MOUTH], closed, atol=1e-5)
    np.testing.assert_allclose(settled[2:], points[2:], atol=1e-6)
    others = np.setdiff1d(np.arange(68), MOUTH)
    assert np.array_equal(settled[:, others], points[:, others])
    moved = 0.5 * (points[1, MOUTH] + settle(points, shape, closed, np.ones(4, np.float32))[1, MOUTH])
    np.testing.assert_allclose(settled[1, MOUTH], moved, atol=1e-6)


def test_closed_mouth_is_measured_in_silence(tiny: Tiny) -> None:
    points = np.repeat(tiny.scene.landmarks[:1], 30, axis=0)
    points[10:, MOUTH[17]] += (0, 0.05)
    silent = np.arange(30) < 10
    found = closed_mouth(points, points[0], silent)
    np.testing.assert_allclose(found, points[0, MOUTH], atol=1e-6)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv422p10le", "yuv420p12le", "gbrp"])
@pytest.mark.parametrize("colour", [(5, 1), (1, 1), (1, 2)], ids=["bt601", "bt709", "full"])
def test_differences_arrive_in_any_format(name: str, colour: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    base = np.full((32, 48, 3), (120, 100, 90), np.uint8) + random.integers(0, 3, (32, 48, 1)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(base, format="rgb24")
    space = {5: "ITU601", 1: "ITU709"}[colour[0]]
    wide = {1: "MPEG", 2: "JPEG"}[colour[1]]
    if name != "gbrp":
        frame = frame.reformat(format=name, dst_colorspace=space, dst_color_range=wide)
        frame.colorspace, frame.color_range = colour
    else:
        frame = frame.reformat(format=name)
    picture = from_frame(frame, name, (48, 32))
    before = [plane.copy() for plane in picture.planes]
    area = (slice(8, 24), slice(4, 40))
    difference = np.zeros((16, 36, 3), np.float32)
    difference[4:12, 5:31] = (40, -30, 25)
    picture.add(area, difference)
    back = to_frame(picture, even=False).to_ndarray(format="rgb24").astype(int)
    inner = np.s_[14:18, 12:32]
    expected = picture.rgb[inner].astype(int) + difference[10, 20].astype(int)
    assert np.abs(back[inner] - expected).max() <= 3
    for plane, old in zip(picture.planes, before, strict=True):
        down, across = (-(-a // b) for a, b in zip((32, 48), plane.shape, strict=True))
        kept = np.ones(plane.shape, bool)
        kept[12 // down : 20 // down, 9 // across : 35 // across + 1] = False
        assert np.array_equal(plane[kept], old[kept])


@pytest.mark.parametrize(
    ("stored", "lossless", "expected"),
    [
        ("yuvj420p", True, "yuv420p"),
        ("nv12", True, "yuv420p"),
        ("yuv422p", False, "yuv420p"),
        ("yuv422p10le", True, "yuv422p10le"),
        ("p010le", False, "yuv420p10le"),
        ("yuva444p12le", True, "yuv444p12le"),
        ("rgba", True, "gbrp"),
        ("rgb24", False, "yuv420p"),
        ("gray", True, "yuv420p"),
    ],
)
def test_working_formats(stored: str, lossless: bool, expected: str) -> None:
    assert working_format(stored, lossless) == expected


def test_streams_keep_order_and_errors() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken")

    stream = ahead(items(), 2)
    assert [next(stream), *(next(stream) for _ in range(4))] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="broken"):
        next(stream)
    endless = ahead(iter(lambda: 1, 2), 2)
    assert next(endless) == 1
    endless.close()  # type: ignore[attr-defined]  # its thread ends


def test_the_jaw_follows_the_mouth(tiny: Tiny) -> None:
    random = np.random.default_rng(0)
    shape = tiny.scene.landmarks[0]
    points = np.repeat(shape[None], 200, axis=0)
    drop = random.uniform(0, 0.08, 200).astype(np.float32)
    points[:, MOUTH[6:12], 1] += drop[:, None]  # the lower lip
    points[:, CONTOUR[2:7], 1] += 0.8 * drop[:, None]  # takes the chin along
    silent = points.copy()
    silent[:, CONTOUR] = shape[CONTOUR] + np.float32(0.01)  # what the network says of a face that does not speak
    jaw = fit_jaw(points, silent, shape)
    moved = move_jaw(silent, shape, jaw)
    np.testing.assert_allclose(moved[:, CONTOUR], points[:, CONTOUR], atol=2e-3)
    others = np.setdiff1d(np.arange(68), CONTOUR)
    assert np.array_equal(moved[:, others], points[:, others])
