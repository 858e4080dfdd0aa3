"""What DeepSpeech 0.1.0 reads: coefficients at 50 Hz with nine neighbours on each side, normalised over the clip."""

from __future__ import annotations

import numpy as np

from difftalker.audio.mel import mfcc
from difftalker.media.wav import AUDIO_RATE

MFCC_COEFFICIENTS = 26
CONTEXT_FRAMES = 9  # rows on each side
_STEP, _WIDTH = AUDIO_RATE // 100, AUDIO_RATE // 40  # samples of mfcc's rows
_PIECE = 6000  # rows of mfcc computed at a time: one minute


class DeepSpeechInput:
    """The network's input for one clip, made in pieces.

    Args:
        samples: (n,) int16, 16 kHz, mono, n > 0.
    """

    def __init__(self, samples: np.ndarray) -> None:
        features = mfcc_at_50_hz(samples)  # (rows, 26)
        self.count = len(features)
        edge = np.zeros((CONTEXT_FRAMES, MFCC_COEFFICIENTS))
        self._padded = np.concatenate([edge, features, edge])
        # Each feature row stands in the input rows of its neighbours: as often as there are such rows.
        index = np.arange(self.count)
        times = np.minimum(index + CONTEXT_FRAMES, self.count - 1) - np.maximum(index - CONTEXT_FRAMES, 0) + 1
        size = self.count * (2 * CONTEXT_FRAMES + 1) * MFCC_COEFFICIENTS
        self._mean = float(times @ features.sum(axis=1)) / size
        zeros = size - int(times.sum()) * MFCC_COEFFICIENTS  # from the padding
        square = float(times @ ((features - self._mean) ** 2).sum(axis=1)) + zeros * self._mean**2
        self._deviation = float(np.sqrt(square / size))

    def __call__(self, start: int, stop: int) -> np.ndarray:
        """Rows start to stop of `count`: (stop - start, 494) float32; oldest neighbour first."""
        windows = np.lib.stride_tricks.sliding_window_view(self._padded, 2 * CONTEXT_FRAMES + 1, axis=0)[start:stop]
        rows = windows.transpose(0, 2, 1).reshape(len(windows), -1)
        return ((rows - self._mean) / self._deviation).astype(np.float32)


def mfcc_at_50_hz(samples: np.ndarray) -> np.ndarray:
    """Every second row of the 26 coefficients of `mfcc`, (rows, 26) float64 at 50 Hz, computed in pieces."""
    count = 1 + max(0, -(-(len(samples) - _WIDTH) // _STEP))
    pieces = []
    for start in range(0, count, _PIECE):
        stop = min(start + _PIECE, count)
        lead = min(start, 1)  # pre-emphasis looks one sample back, so the row before goes along
        part = samples[(start - lead) * _STEP : (stop - 1) * _STEP + _WIDTH]
        pieces.append(mfcc(part, MFCC_COEFFICIENTS)[lead::2])
    return np.concatenate(pieces)
