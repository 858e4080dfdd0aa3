from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difftalker.errors import UserError
from difftalker.media import decode
from difftalker.media.decode import decode_audio, decode_frames, frame_count, key_pictures
from tests.footage import flat, level, noise, write_footage


def levels(path: Path, fps: float = 25.0) -> list[int]:
    return [level(picture) for picture in decode_frames(path, fps)]


def assert_levels(found: list[int], expected: list[int]) -> None:
    np.testing.assert_allclose(found, expected, atol=2)  # the codec is not quite lossless


def samples(path: Path, count: int) -> np.ndarray:
    found = np.concatenate(list(decode_audio(path, count)))
    assert found.dtype == np.int16 and found.shape == (count,)
    return found


def click(seconds: float, at: float, rate: int) -> np.ndarray:
    """A short burst of 3 kHz with a smooth envelope that peaks at a time."""
    t = np.arange(round(seconds * rate)) / rate - at
    return np.rint(20_000 * np.exp(-((t / 0.002) ** 2)) * np.cos(2 * np.pi * 3000 * t)).astype(np.int16)


def peak(sound: np.ndarray) -> float:
    power = sound.astype(np.float64) ** 2
    return float((power * np.arange(len(sound))).sum() / power.sum() / 16_000)


def test_frame_count_rounds_halves_up() -> None:
    assert [frame_count(d, 25.0) for d in (0.0, 0.0199, 0.02, 0.98, 3.0, 60.0)] == [0, 0, 1, 25, 75, 1500]


def test_keeps_every_picture_at_the_same_rate(tmp_path: Path) -> None:
    assert_levels(levels(write_footage(tmp_path / "a.mp4", flat(range(10, 210, 10)))), list(range(10, 210, 10)))


def test_takes_every_second_picture_of_50_and_doubles_12_5(tmp_path: Path) -> None:
    assert_levels(levels(write_footage(tmp_path / "a.mp4", flat(range(20, 220, 10)), 50.0)), list(range(20, 220, 20)))
    doubled = levels(write_footage(tmp_path / "b.mp4", flat([20, 60, 100, 140]), 12.5))
    assert len(doubled) == 8
    assert_levels(doubled[::2], [20, 60, 100, 140])


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_key_pictures_at_or_before_some_times(tmp_path: Path, suffix: str) -> None:
    """The encoder makes every 250th picture a key picture: those of 0, 10 and 20 s."""
    film = write_footage(tmp_path / f"a.{suffix}", flat(20 + i // 3 for i in range(600)), rotation=90)
    found = list(key_pictures(film, [0.0, 5.0, 9.9, 10.1, 15.0, 23.9]))
    assert_levels([level(picture) for picture in found], [20, 20 + 250 // 3, 20 + 500 // 3])
    expected = next(decode_frames(film, 25.0))
    assert found[0].shape == expected.shape and np.array_equal(found[0], expected)


def test_29_97_stays_with_the_clock(tmp_path: Path) -> None:
    rate = 30000 / 1001
    pictures = flat([(i * 7) % 240 for i in range(90)])
    found = levels(write_footage(tmp_path / "a.mp4", pictures, rate))
    assert len(found) == round(90 / rate * 25)  # 75: 3.003 s
    for index, value in enumerate(found):
        nearest = min(range(90), key=lambda k: abs(k / rate - index / 25))
        assert abs(value - (nearest * 7) % 240) <= 2


def test_variable_rate_is_resampled_by_timestamp(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.28, 0.32, 0.36]
    found = levels(write_footage(tmp_path / "a.mp4", flat([0, 40, 80, 120, 160, 200]), times))
    # 0.12 and 0.16 s are nearer to the picture of 0.08 s, 0.20 and 0.24 s to that of 0.28 s
    assert_levels(found, [0, 40, 80, 80, 80, 120, 120, 120, 160, 200])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 4000), min_size=0, max_size=30),
    st.integers(1, 2000),
    st.sampled_from([10.0, 25.0, 29.97]),
)
def test_resampling_agrees_with_its_definition(steps: list[int], last: int, fps: float) -> None:
    times = np.cumsum([0, *steps]) / 10_000
    stored = [(float(time), 1 / 25, np.full((1, 1, 3), i)) for i, time in enumerate(times)]
    stored[-1] = (stored[-1][0], last / 10_000, stored[-1][2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "_timed_pictures", lambda path: iter(stored))
        patch.setattr(decode, "check_complete", lambda path, found: None)
        found = [int(picture[0, 0, 0]) for picture in decode_frames("x", fps)]
    assert len(found) == math.floor((times[-1] + last / 10_000) * fps + 0.5 + 1e-6)
    for index, chosen in enumerate(found):
        distance = np.abs(times - index / fps)
        assert distance[chosen] <= distance.min() + 1e-9


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_rotation_is_undone(tmp_path: Path, turn: int) -> None:
    picture = np.zeros((40, 64, 3), np.uint8)
    picture[:8, :16] = 255  # upper left corner
    found = next(iter(decode_frames(write_footage(tmp_path / "a.mp4", [picture] * 3, rotation=turn), 25.0)))
    expected = np.rot90(picture, turn // 90)  # counterclockwise
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 12


def test_odd_sizes(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (33, 47, 1), np.uint8).repeat(3, axis=2)
    found = list(decode_frames(write_footage(tmp_path / "a.mkv", [picture] * 3), 25.0))
    assert found[0].shape == (33, 47, 3)
    assert np.abs(found[0].astype(int) - picture).mean() < 3


def test_a_truncated_file_is_named_with_its_time(tmp_path: Path) -> None:
    pictures = list(np.random.default_rng(0).integers(0, 255, (100, 32, 48, 3), dtype=np.uint8))
    whole = write_footage(tmp_path / "whole.mp4", pictures)
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UserError, match=rf"{path}.* s") as caught:
        list(decode_frames(path, 25.0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rate", "stereo"), [(8_000, False), (16_000, False), (44_100, True), (48_000, False)])
def test_sound_keeps_its_time_at_every_rate(tmp_path: Path, rate: int, stereo: bool) -> None:
    sound = click(1.0, 0.5, rate)
    sound = np.stack([sound, sound], axis=1) if stereo else sound
    found = samples(write_footage(tmp_path / "a.mkv", flat(range(25)), 25.0, sound, rate), 16_000)
    assert peak(found) == pytest.approx(0.5, abs=2e-4)
    assert np.abs(found).max() == pytest.approx(20_000, rel=0.1)


def test_stereo_is_mixed(tmp_path: Path) -> None:
    left = click(1.0, 0.25, 16_000)
    right = click(1.0, 0.75, 16_000)
    path = write_footage(tmp_path / "a.mkv", flat(range(25)), 25.0, np.stack([left, right], axis=1))
    found = samples(path, 16_000).astype(int)
    assert np.abs(found[:8000]).max() == pytest.approx(np.abs(found[8000:]).max(), rel=0.01)
    assert peak(found[:8000]) == pytest.approx(0.25, abs=2e-4)


def test_aac_in_mp4_is_not_shifted(tmp_path: Path) -> None:
    path = write_footage(tmp_path / "a.mp4", flat(range(25)), 25.0, click(1.0, 0.5, 44_100), 44_100)
    assert peak(samples(path, 16_000)) == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize("late", [0.3, 0.07])
def test_sound_that_starts_late_stays_late(tmp_path: Path, late: float) -> None:
    path = write_footage(tmp_path / "a.mkv", flat(range(25)), 25.0, click(0.5, 0.25, 16_000), sound_start=late)
    found = samples(path, 16_000)
    assert peak(found) == pytest.approx(late + 0.25, abs=1.5e-3)  # the file's clock has milliseconds
    assert not found[: round((late - 0.002) * 16_000)].any()


def test_pictures_that_start_late_cut_the_sound_before_them(tmp_path: Path) -> None:
    times = [0.4 + i / 25 for i in range(15)]
    path = write_footage(tmp_path / "a.mkv", flat(range(15)), times, click(1.0, 0.6, 16_000))
    assert peak(samples(path, 9_600)) == pytest.approx(0.2, abs=1.5e-3)
    assert len(levels(path)) == 15


def test_sound_longer_and_shorter_than_the_pictures(tmp_path: Path) -> None:
    longer = write_footage(tmp_path / "a.mkv", flat(range(10)), 25.0, noise(1.0))
    assert samples(longer, 6_400).any()
    shorter = write_footage(tmp_path / "b.mkv", flat(range(50)), 25.0, noise(1.0))
    found = samples(shorter, 32_000)
    assert found[15_000:15_900].any()
    assert not found[16_100:].any()


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    path = write_footage(tmp_path / "a.mp4", flat(range(5)))
    with pytest.raises(UserError, match=str(path)):
        list(decode_audio(path, 100))
