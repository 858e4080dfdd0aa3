from __future__ import annotations

import numpy as np
import pytest

from difftalker.audio.encoder import make_encoder
from difftalker.audio.logmel import SILENCE, LogMelEncoder, active_level, log_mel, mel_filters
from difftalker.config import AudioConfig


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 8000.0) -> np.ndarray:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return np.rint(amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def speech() -> np.ndarray:
    """Noise in bursts, with pauses."""
    rng = np.random.default_rng(0)
    envelope = np.repeat(rng.choice([0.02, 1.0], 40), 800)
    return np.rint(6000 * envelope * rng.normal(size=32_000).clip(-3, 3)).astype(np.int16)


def test_shape_and_range() -> None:
    found = log_mel(speech())
    assert found.shape == (100, 29) and found.dtype == np.float32
    assert found.min() >= -1 and found.max() <= 1 and found.std() > 0.1
    assert log_mel(np.zeros(0, np.int16)).shape == (0, 29)
    assert log_mel(tone(300)[:100]).shape == (0, 29)


def test_filters_cover_the_band_once() -> None:
    filters = mel_filters()
    bins = np.arange(257) * 16_000 / 512
    assert (filters >= 0).all() and (filters.max(axis=1) > 0.3).all()
    inner = (bins > 250) & (bins < 6800)
    np.testing.assert_allclose(filters[:, inner].sum(axis=0), 1.0, atol=1e-9)  # triangles that meet
    assert not filters[:, bins > 7600].any()


@pytest.mark.parametrize("hertz", [200, 500, 1000, 2500, 6000])
def test_a_tone_lies_in_its_band(hertz: float) -> None:
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + f / 700) for f in (60.0, 7600.0)), 31) / 2595) - 1)
    nearest = int(np.abs(edges[1:-1] - hertz).argmin())
    assert log_mel(tone(hertz))[10:40].mean(axis=0).argmax() == nearest


def test_the_energy_of_a_tone_is_its_power() -> None:
    value = log_mel(tone(1000))[10:40]
    energy = np.exp((value.astype(np.float64) + 1) / 2 * 16 - 14).sum(axis=1)  # relative to the tone's own level
    np.testing.assert_allclose(energy, 1.0, rtol=0.1)


def test_rows_are_centred_on_their_time() -> None:
    for row in (0, 7, 49):
        samples = np.zeros(16_000, np.int16)
        samples[row * 320 + 160] = 30_000
        energy = np.exp(log_mel(samples).astype(np.float64) * 8).sum(axis=1)
        assert energy.argmax() == row
        np.testing.assert_array_equal(np.flatnonzero(energy > energy.min() * 1.01), [row])
    samples = np.zeros(16_000, np.int16)
    samples[10 * 320] = 30_000  # on the border of rows 9 and 10: both see it alike
    found = log_mel(samples)
    np.testing.assert_allclose(found[9], found[10], atol=1e-5)


@pytest.mark.parametrize("gain", [0.25, 0.5, 1.5])
def test_loudness_does_not_matter(gain: float) -> None:
    quiet = np.rint(speech() * gain).astype(np.int16)
    np.testing.assert_allclose(log_mel(quiet), log_mel(speech()), atol=0.02)


def test_pauses_do_not_change_the_level() -> None:
    loud = speech() / 32768
    with_pause = np.concatenate([loud, np.zeros(32_000)])
    assert active_level(with_pause) == pytest.approx(active_level(loud), rel=0.1)


def test_silence_is_the_lowest_value_and_stays_finite() -> None:
    assert (log_mel(np.zeros(16_000, np.int16)) == SILENCE).all()
    faint = np.random.default_rng(0).integers(-1, 2, 16_000).astype(np.int16)
    assert log_mel(faint).max() < 0  # noise is not amplified to speech


def test_the_encoder_pads_with_silence() -> None:
    encoder = make_encoder(AudioConfig(encoder="logmel"))
    assert isinstance(encoder, LogMelEncoder)
    found = encoder.encode(tone(500), 25, 25.0)
    assert found.shape == (25, 16, 29) and found.dtype == np.float32
    assert (found[0, :8] == SILENCE).all() and (found[24, 10:] == SILENCE).all()
    np.testing.assert_array_equal(found[12], log_mel(tone(500))[16:32])
