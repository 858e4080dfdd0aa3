"""The encoder `whisper`: 29 components of Whisper's second layer, whatever the length of the sound.

The network hears stretches of 8 s, and the middle 6 s of each are kept: every row has a second of sound on either side,
as far as there is any. Where a stretch begins depends on the row's number alone, so a sound gives the same rows, to the
bit, in whichever parts it is read. The sound is brought to one speech level first, and energies are clamped at a fixed
floor below it, in place of Whisper's clamp below the loudest value of 30 s.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from difftalker.audio.encoder import AudioEncoder, SoundSource
from difftalker.audio.feature_windows import RowReader, row_count
from difftalker.audio.whisper.log_mel import FFT_HOP, FFT_WIDTH, whisper_log_mel
from difftalker.audio.whisper.network import WhisperNetwork
from difftalker.audio.whisper.weights import load_whisper_components, load_whisper_network
from difftalker.media.wav import AUDIO_RATE

KEPT_ROWS, CONTEXT_ROWS = 300, 50  # rows of a stretch that are kept, and rows on either side of them
PADDED_ROWS = 10  # rows of silence that are heard before the sound and after it; windows reach out by 8
INPUT_LEVEL = 1e-2  # active speech level that a sound is brought to: -20 dB of full scale
LOG_MEL_FLOOR = -6.8  # decimal logarithm of the least energy: 8 below the loudest of usual speech of that level
_ROW = AUDIO_RATE // 50  # samples
_HELD = 3  # stretches kept for the next read


class WhisperEncoder(AudioEncoder):
    """See the module.

    Raises:
        UserError: the weights of the package are missing or altered.
    """

    def __init__(self) -> None:
        self._network = load_whisper_network()
        self._mean, self._map = load_whisper_components()

    def listen(self, sound: SoundSource) -> RowReader:
        """See `AudioEncoder.listen`. Rows have about zero mean and unit variance over speech; those further than 0.2 s
        from the sound are its first or last. Memory does not depend on the sound's length."""
        return _Rows(self, sound)

    def components(self, rows: Tensor) -> np.ndarray:
        """The network's rows (n, 384) -> (n, 29) float32."""
        return ((rows - self._mean) @ self._map).numpy()

    def stretch(self, sound: SoundSource, level: float, number: int) -> np.ndarray:
        """Features of the rows that a stretch keeps, (1 to 300, 29) float32; arguments as for `network_rows`."""
        return self.components(network_rows(self._network, sound, level, row_span(number, sound.samples)))


class RowSpan(NamedTuple):
    """Rows of a sound, 50 per second; row 0 begins with it.

    Attributes:
        begin, end: the rows that are heard.
        first, last: those of them that are kept.
    """

    begin: int
    first: int
    last: int
    end: int


def span_count(samples: int) -> int:
    """Stretches of a sound of so many samples."""
    return -(-(row_count(samples / AUDIO_RATE) + 2 * PADDED_ROWS) // KEPT_ROWS)


def row_span(number: int, samples: int) -> RowSpan:
    """A stretch of a sound of so many samples, counted from 0."""
    end = row_count(samples / AUDIO_RATE) + PADDED_ROWS
    first = number * KEPT_ROWS - PADDED_ROWS
    last = min(first + KEPT_ROWS, end)
    return RowSpan(max(first - CONTEXT_ROWS, -PADDED_ROWS), first, last, min(last + CONTEXT_ROWS, end))


@torch.inference_mode()
def network_rows(network: WhisperNetwork, sound: SoundSource, level: float, stretch: RowSpan) -> Tensor:
    """The network's rows that are kept of a stretch.

    Args:
        network: Whisper's first layers.
        sound: the whole sound.
        level: its active speech level.
        stretch: which rows.

    Returns:
        (last - first, 384) float32.
    """
    margin = (FFT_WIDTH - _ROW) // 2  # the windows of even rows are centred on the rows
    spare = FFT_WIDTH - _ROW - margin + FFT_HOP  # of the last window
    samples = sound.read(stretch.begin * _ROW - margin, stretch.end * _ROW + spare)
    gain = np.float32(np.sqrt(INPUT_LEVEL / level) / 32768)
    mel = whisper_log_mel(torch.from_numpy(samples.astype(np.float32) * gain), LOG_MEL_FLOOR)  # (80, 2 (end - begin))
    return network(mel[None])[0, stretch.first - stretch.begin : stretch.last - stretch.begin]


class _Rows:
    """Feature rows of one sound."""

    def __init__(self, encoder: WhisperEncoder, sound: SoundSource) -> None:
        self._encoder, self._sound, self._level = encoder, sound, sound.level
        self._last = row_count(sound.samples / AUDIO_RATE) + PADDED_ROWS - 1
        self._recent: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()  # several threads of a film read features

    def __call__(self, first: int, last: int) -> np.ndarray:
        if last <= first:
            return np.zeros((0, 29), np.float32)
        numbers = np.arange(first, last).clip(-PADDED_ROWS, self._last)
        low = int(numbers[0] + PADDED_ROWS) // KEPT_ROWS
        rows = [self._stretch(number) for number in range(low, int(numbers[-1] + PADDED_ROWS) // KEPT_ROWS + 1)]
        return np.concatenate(rows)[numbers + PADDED_ROWS - low * KEPT_ROWS]

    def _stretch(self, number: int) -> np.ndarray:
        with self._lock:
            if number not in self._recent:
                self._recent[number] = self._encoder.stretch(self._sound, self._level, number)
            self._recent.move_to_end(number)
            while len(self._recent) > _HELD:
                self._recent.popitem(last=False)
            return self._recent[number]
