"""Speech in mel-frequency bands: triangular filters, and the cepstral coefficients that SyncNet and DeepSpeech read."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.fft import dct

from difftalker.media.wav import AUDIO_RATE

_WIDTH, _STEP = AUDIO_RATE // 40, AUDIO_RATE // 100  # samples
_FFT = 512
_FILTERS = 26
_EMPHASIS = 0.97
_LIFTER = 22


def triangular_filters(edges: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Triangles of height 1: band k rises from edge k to k + 1 and falls to k + 2.

    Args:
        edges: (bands + 2,), rising, in Hz.
        bins: frequencies of the spectrum, (n,), in Hz.

    Returns:
        (bands, n) float64.
    """
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def mfcc(samples: np.ndarray, coefficients: int) -> np.ndarray:
    """Coefficients of a sound at 100 Hz.

    Args:
        samples: (n,) int16, mono, 16 kHz, n > 0.
        coefficients: how many, 1 to 26.

    Returns:
        (1 + ceil((n - 400) / 160), coefficients) float64, one row at least; row i begins at i / 100 s, and what lies
        beyond the end is silence.
    """
    power = _power(samples)
    energy = power.sum(axis=1)
    bands = power @ _filters().T
    tiny = np.finfo(float).eps  # stands for no energy at all
    cepstrum = dct(np.log(np.where(bands == 0, tiny, bands)), type=2, axis=1, norm="ortho")[:, :coefficients]
    cepstrum *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(coefficients) / _LIFTER)
    cepstrum[:, 0] = np.log(np.where(energy == 0, tiny, energy))
    return cepstrum


def _power(samples: np.ndarray) -> np.ndarray:
    """Power spectra of the windows, (rows, 257)."""
    signal = samples.astype(np.float64)
    signal[1:] -= _EMPHASIS * signal[:-1].copy()
    rows = 1 + max(0, -(-(len(signal) - _WIDTH) // _STEP))
    padded = np.pad(signal, (0, (rows - 1) * _STEP + _WIDTH - len(signal)))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH)[::_STEP]
    return np.abs(np.fft.rfft(pieces, _FFT)) ** 2 / _FFT


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Triangles between whole bins of the spectrum, evenly spaced on the mel scale: (26, 257)."""
    highest = 2595 * np.log10(1 + AUDIO_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_FFT + 1) * hertz / AUDIO_RATE)
    bins = np.arange(_FFT // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / np.maximum(middle - low, 1)
    falling = (high - bins) / np.maximum(high - middle, 1)
    return np.where((bins >= low) & (bins < middle), rising, np.where((bins >= middle) & (bins < high), falling, 0.0))
