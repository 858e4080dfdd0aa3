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

HOP = RATE // 50  # 320 samples
WIDTH = RATE // 40  # 400 samples, 25 ms
LEAD = WIDTH // 2 - HOP // 2  # samples of a row's window before the row itself
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
    padded = np.concatenate([np.zeros(LEAD, np.int16), samples, np.zeros(WIDTH + HOP, np.int16)])
    return mel_rows(padded[: rows * HOP + WIDTH - HOP], level_of(row_power(samples)))


def mel_rows(samples: np.ndarray, level: float) -> np.ndarray:
    """Features of a piece of a sound whose level is known; row for row what `log_mel` gives for the whole.

    Args:
        samples: ((rows - 1) * 320 + 400,) int16; row i begins `LEAD` samples before its own 320.
        level: the whole sound's active speech level, see `level_of`.

    Returns:
        (rows, 29) float32 in [-1, 1].
    """
    signal = samples.astype(np.float64) / 32768
    if len(signal) < WIDTH:
        return np.zeros((0, BANDS), np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(signal, WIDTH)[::HOP]
    window = np.hanning(WIDTH + 1)[:-1]
    spectrum = np.abs(np.fft.rfft(pieces * window, _FFT)) ** 2 / np.sum(window**2) / _FFT
    energy = 2 * spectrum @ mel_filters().T  # power per band
    low, high = _CLIP
    logarithm = np.clip(np.log(np.maximum(energy / level, np.exp(low))), low, high)
    return (2 * (logarithm - low) / (high - low) - 1).astype(np.float32)


def row_power(samples: np.ndarray) -> np.ndarray:
    """Mean power of the whole 20-ms rows of a sound (n,) int16: (n // 320,) float64, full scale 1."""
    rows = samples[: len(samples) // HOP * HOP].reshape(-1, HOP).astype(np.float64) / 32768
    return (rows**2).mean(axis=1)


def level_of(power: np.ndarray) -> float:
    """Active speech level: mean power of the loud rows of `row_power`, (n,); at least -60 dB of full scale."""
    if not len(power):
        return _QUIETEST
    loud = np.quantile(power, 0.95)
    return max(float(power[power >= _ACTIVE * loud].mean()), _QUIETEST)


def active_level(signal: np.ndarray) -> float:
    """Active speech level of a sound (n,) in [-1, 1]."""
    rows = signal[: len(signal) // HOP * HOP].reshape(-1, HOP)
    return level_of((rows**2).mean(axis=1))


def mel_filters() -> np.ndarray:
    """Triangular filters of height 1, evenly spaced on the mel scale 2595 log10(1 + f / 700): (29, 257)."""

    def mel(hertz: float) -> float:
        return 2595 * float(np.log10(1 + hertz / 700))

    edges = 700 * (10 ** (np.linspace(mel(_LOW), mel(_HIGH), BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))
