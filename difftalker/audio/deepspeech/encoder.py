"""The encoder `deepspeech`: logits of DeepSpeech 0.1.0 in windows of sixteen rows."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import torch

from difftalker.audio.deepspeech.features import DeepSpeechInput
from difftalker.audio.deepspeech.network import LETTERS, load_deepspeech
from difftalker.audio.encoder import AudioEncoder, SoundSource
from difftalker.audio.feature_windows import RowReader, row_count
from difftalker.media.wav import AUDIO_RATE

_PIECE = 1500  # rows in the network at a time: 30 s


class DeepSpeechEncoder(AudioEncoder):
    """DeepSpeech 0.1.0 on one clip at a time.

    Args:
        path: its frozen graph, see `load_deepspeech`.
        device: where the network runs.
        piece: rows that are in the network at a time; any number gives the same result.

    Raises:
        UserError: the file is no such graph.
    """

    def __init__(self, path: Path, device: torch.device, piece: int = _PIECE) -> None:
        self.network = load_deepspeech(path).to(device)
        self.device = device
        self.piece = piece

    def listen(self, sound: SoundSource) -> RowReader:
        """See `AudioEncoder.listen`. A network with memory hears the whole sound once; its rows, 6 kB for a second, are
        kept. Beyond the sound's ends there are zeros."""
        return _Rows(self, sound)

    @torch.inference_mode()
    def logits(self, samples: np.ndarray) -> np.ndarray:
        """Logits of a sound.

        The protocol resamples the network's rows linearly to 50 Hz. They are at 50 Hz, so only the end differs: the
        windows of the coefficients may end before the sound does, and the last row is repeated.

        Args:
            samples: (n,) int16, 16 kHz.

        Returns:
            (round(n / 16000 * 50), 29) float32.
        """
        count = row_count(len(samples) / AUDIO_RATE)
        if not count:
            return np.zeros((0, LETTERS), np.float32)
        inputs = DeepSpeechInput(samples)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # as exact on a GPU as on the CPU
            pieces = self.network.stream(
                lambda start, stop: torch.from_numpy(inputs(start, stop)).to(self.device), inputs.count, self.piece
            )
            rows = np.concatenate([piece.cpu().numpy() for piece in pieces])
        return rows[np.minimum(np.arange(count), len(rows) - 1)]


class _Rows:
    """Logits of one sound, computed at the first read."""

    def __init__(self, encoder: DeepSpeechEncoder, sound: SoundSource) -> None:
        self._encoder, self._sound = encoder, sound
        self._logits: np.ndarray | None = None
        self._lock = threading.Lock()  # several threads of a film read features

    def __call__(self, first: int, last: int) -> np.ndarray:
        with self._lock:
            if self._logits is None:
                self._logits = self._encoder.logits(self._sound.mapped())
        rows = np.zeros((last - first, LETTERS), np.float32)
        begin, end = max(first, 0), min(last, len(self._logits))
        if end > begin:
            rows[begin - first : end - first] = self._logits[begin:end]
        return rows
