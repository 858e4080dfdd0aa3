"""Log-mel features on the time grid of DeepSpeech's: 29 bands, 50 rows per second.

Row i is the energy in a Hann window of 25 ms centred at (i + 1/2) / 50 s.

Loudness: energies are relative to the sound's active speech level, the mean power of the 20-ms rows that lie within
25 dB of its 95th percentile, so a recording made quieter gives the same features. The level is taken as at least
-60 dB of full scale: noise of a silent sound is not amplified. The natural logarithm is clipped to [-14, 2] (61 dB
below, 9 dB above that level) and mapped linearly to [-1, 1]; silence is -1 in all bands.
"""

from __future__ import annotations

import numpy as np

from difftalker.audio.wav import RATE
from difftalker.audio.windows import row_count, windows

BANDS = 29
SILENCE = -1.0

_HOP = RATE // 50  # 320 samples
_WIDTH = RATE // 40  # 400 samples, 25 ms
_FFT = 512
_LOW, _HIGH = 60.0, 7600.0  # Hz
_ACTIVE = 10 ** (-25 / 10)
_QUIETEST = 10 ** (-60 / 10)
_CLIP = (-14.0, 2.0)


class LogMelEncoder:
    """The encoder `logmel`: nothing to download, nothing learnt."""

    def encode(self, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
        """See `AudioEncoder.encode`. Values in [-1, 1]; beyond the sound's ends there is silence."""
        return windows(log_mel(samples), frames, fps, SILENCE)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Features of a sound.

    Args:
        samples: (n,) int16, 16 kHz.

    Returns:
        (round(n / 16000 * 50), 29) float32 in [-1, 1].
    """
    rows = row_count(len(samples) / RATE)
    signal = samples.astype(np.float64) / 32768
    lead = _WIDTH // 2 - _HOP // 2  # the first window begins before the sound
    padded = np.concatenate([np.zeros(lead), signal, np.zeros(_WIDTH + _HOP)])
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH)[: rows * _HOP : _HOP]
    window = np.hanning(_WIDTH + 1)[:-1]
    spectrum = np.abs(np.fft.rfft(pieces * window, _FFT)) ** 2 / np.sum(window**2) / _FFT
    energy = 2 * spectrum @ mel_filters().T  # power per band
    level = active_level(signal)
    low, high = _CLIP
    logarithm = np.clip(np.log(np.maximum(energy / level, np.exp(low))), low, high)
    return (2 * (logarithm - low) / (high - low) - 1).astype(np.float32)


def active_level(signal: np.ndarray) -> float:
    """Mean power of the loud 20-ms rows of a sound (n,) in [-1, 1]; at least -60 dB of full scale."""
    rows = signal[: len(signal) // _HOP * _HOP].reshape(-1, _HOP)
    power = (rows**2).mean(axis=1)
    if not len(power):
        return _QUIETEST
    loud = np.quantile(power, 0.95)
    return max(float(power[power >= _ACTIVE * loud].mean()), _QUIETEST)


def mel_filters() -> np.ndarray:
    """Triangular filters of height 1, evenly spaced on the mel scale 2595 log10(1 + f / 700): (29, 257)."""

    def mel(hertz: float) -> float:
        return 2595 * float(np.log10(1 + hertz / 700))

    edges = 700 * (10 ** (np.linspace(mel(_LOW), mel(_HIGH), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))
