"""Power and active speech level."""

from __future__ import annotations

import numpy as np
import pytest

from difftalker.audio.voice_activity import (
    active_speech_level,
    row_power,
    signal_speech_level,
    silence_weight,
    silent_rows,
)
from difftalker.media.wav import AUDIO_RATE
from tests.dub.conftest import syllables


def speech() -> np.ndarray:
    """Noise in bursts, with pauses."""
    rng = np.random.default_rng(0)
    envelope = np.repeat(rng.choice([0.02, 1.0], 40), 800)
    return np.rint(6000 * envelope * rng.normal(size=32_000).clip(-3, 3)).astype(np.int16)


def test_power_is_the_mean_square_of_twenty_milliseconds() -> None:
    samples = np.repeat(np.array([16384, 0, -32768], np.int16), 320)
    np.testing.assert_allclose(row_power(np.append(samples, np.int16(9))), [0.25, 0.0, 1.0])
    assert row_power(samples[:319]).shape == (0,)


def test_pauses_do_not_change_the_level() -> None:
    loud = speech() / 32768
    with_pause = np.concatenate([loud, np.zeros(32_000)])
    assert signal_speech_level(with_pause) == pytest.approx(signal_speech_level(loud), rel=0.1)
    assert signal_speech_level(loud) == pytest.approx(active_speech_level(row_power(speech())))


def test_the_level_goes_with_the_gain() -> None:
    assert signal_speech_level(0.5 * speech() / 32768) == pytest.approx(0.25 * signal_speech_level(speech() / 32768))


def test_silence_has_the_least_level() -> None:
    assert active_speech_level(np.zeros(50)) == active_speech_level(np.zeros(0)) == 1e-6


def test_the_mouth_rests_in_silence() -> None:
    samples = np.concatenate([syllables(1.0), np.zeros(AUDIO_RATE, np.int16), syllables(1.0)])
    power = (samples.reshape(-1, 320) / 32768.0) ** 2
    silent = silent_rows(power.mean(1), 0.01)
    assert silent[52:98].all() and not silent[:45].any() and not silent[105:].any()
    weight = silence_weight(silent, 75, 25.0)
    assert np.all(weight[:25] == 0) and np.all(weight[50:] == 0)
    assert weight[30] == 1  # 0.2 s after the speech
    assert np.all(weight[30:46] == 1) and 0 < weight[27] < 1


def test_steady_noise_is_silence_and_short_gaps_are_not() -> None:
    hiss = np.random.default_rng(0).normal(size=3 * AUDIO_RATE) * 120
    hiss[AUDIO_RATE : 2 * AUDIO_RATE] += syllables(1.0)
    power = ((hiss / 32768) ** 2).reshape(-1, 320).mean(1)
    silent = silent_rows(power, float(np.quantile(power, 0.95)))
    assert silent[:45].mean() > 0.95 and silent[105:].mean() > 0.95
    assert not silent[52:98].any()  # the syllables' own gaps of 0.1 s
