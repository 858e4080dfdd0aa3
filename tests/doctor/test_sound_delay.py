"""The sound's delay is found where lips and sound are related, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from difftalker.doctor.sound_delay import estimate_delay

FPS = 25.0


def speech(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Lips (n,) and bands (n, 29) that follow the same syllables, each with noise of its own."""
    generator = np.random.default_rng(seed)
    syllables = gaussian_filter1d(generator.normal(size=(frames, 3)), 2.0, axis=0)
    syllables /= syllables.std(axis=0)
    bands = syllables @ generator.normal(size=(3, 29)) + 0.5 * generator.normal(size=(frames, 29))
    lips = syllables @ np.array([1.0, -0.5, 0.3]) + 0.5 * generator.normal(size=frames)
    return 0.05 + 0.01 * lips, bands


@pytest.mark.parametrize("frames", [-12, -3, 0, 1, 7])
@pytest.mark.parametrize("length", [600, 120], ids=["one clip", "five clips"])
def test_known_delay(frames: int, length: int) -> None:
    lips, bands = speech(640, seed=3)
    late = np.roll(bands, frames, axis=0)  # row t + frames belongs to the lips at t
    signals = [(lips[start : start + length], late[start : start + length]) for start in range(20, 620, length)]
    assert estimate_delay(signals, FPS) == pytest.approx(frames / FPS, abs=1.01 / FPS)


def test_frames_without_a_face() -> None:
    lips, bands = speech(800, seed=1)
    lips[100:180] = np.nan
    lips[400:405] = np.nan
    assert estimate_delay([(lips, np.roll(bands, 5, axis=0))], FPS) == pytest.approx(0.2, abs=0.041)


@pytest.mark.parametrize("seed", range(5))
def test_foreign_sound_gives_nothing(seed: int) -> None:
    assert estimate_delay([(speech(800, seed)[0], speech(800, seed + 100)[1])], FPS) is None


def test_too_little_footage_gives_nothing() -> None:
    assert estimate_delay([speech(200, seed=1)], FPS) is None
    assert estimate_delay([], FPS) is None
    assert estimate_delay([(np.full(800, np.nan), speech(800, 1)[1])], FPS) is None


def test_silence_and_a_still_mouth_give_nothing() -> None:
    lips, bands = speech(800, seed=2)
    assert estimate_delay([(lips, np.full_like(bands, -1.0))], FPS) is None
    assert estimate_delay([(np.full(800, 0.05), bands)], FPS) is None
