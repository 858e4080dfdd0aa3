"""How loud a sound is: power of every 20 ms, and the level of the speech in it.

The active speech level is the mean power of the 20-ms rows that lie within 25 dB of their 95th percentile, so pauses do
not count. It is taken as at least -60 dB of full scale: noise of a silent sound is not amplified.
"""

from __future__ import annotations

import numpy as np

from difftalker.media.wav import RATE

ROW = RATE // 50  # samples, 20 ms
_ACTIVE = 10 ** (-25 / 10)
_QUIETEST = 10 ** (-60 / 10)


def row_power(samples: np.ndarray) -> np.ndarray:
    """Mean power of the whole 20-ms rows of a sound (n,) int16: (n // 320,) float64, full scale 1."""
    rows = samples[: len(samples) // ROW * ROW].reshape(-1, ROW).astype(np.float64) / 32768
    return (rows**2).mean(axis=1)


def level_of(power: np.ndarray) -> float:
    """Active speech level: mean power of the loud rows of `row_power`, (n,); at least -60 dB of full scale."""
    if not len(power):
        return _QUIETEST
    loud = np.quantile(power, 0.95)
    return max(float(power[power >= _ACTIVE * loud].mean()), _QUIETEST)


def active_level(signal: np.ndarray) -> float:
    """Active speech level of a sound (n,) in [-1, 1]."""
    rows = signal[: len(signal) // ROW * ROW].reshape(-1, ROW)
    return level_of((rows**2).mean(axis=1))
