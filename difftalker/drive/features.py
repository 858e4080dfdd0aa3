"""Audio features of a part of a sound, the same whichever parts are asked for."""

from __future__ import annotations

import threading

import numpy as np

from difftalker.audio.encoder import AudioEncoder
from difftalker.audio.logmel import HOP, LEAD, SILENCE, WIDTH, LogMelEncoder, mel_rows
from difftalker.audio.wav import RATE
from difftalker.audio.windows import FEATURE_RATE, WINDOW, row_count
from difftalker.drive.sound import Sound


class Features:
    """Features for the video frames of a sound, those of the whole sound.

    The log-mel encoder needs the sound's level alone, which is known. A network with memory hears the whole sound once,
    and its rows (6 kB for a second) are kept.

    Args:
        encoder: the face's audio encoder.
        sound: what is to be said.
        fps: video frames per second.
    """

    def __init__(self, encoder: AudioEncoder, sound: Sound, fps: float) -> None:
        self._encoder, self._sound, self._fps = encoder, sound, fps
        self._heard: np.ndarray | None = None
        self._lock = threading.Lock()

    def read(self, first: int, last: int) -> np.ndarray:
        """Features of the frames `first` to `last` (exclusive): (last - first, 16, 29) float32."""
        frames = np.arange(first, last)
        starts = np.floor(frames * FEATURE_RATE / self._fps + 0.5 + 1e-9).astype(int) - WINDOW // 2
        low, high = int(starts[0]), int(starts[-1]) + WINDOW
        begin, end = max(low, 0), min(high, row_count(self._sound.samples / RATE))
        is_plain = isinstance(self._encoder, LogMelEncoder)
        rows = np.full((high - low, 29), SILENCE if is_plain else 0.0, np.float32)
        if end > begin:
            rows[begin - low : end - low] = self._log_mel(begin, end) if is_plain else self._network()[begin:end]
        return rows[(starts - low)[:, None] + np.arange(WINDOW)]

    def _log_mel(self, begin: int, end: int) -> np.ndarray:
        return mel_rows(self._sound.read(begin * HOP - LEAD, (end - 1) * HOP - LEAD + WIDTH), self._sound.level)

    def _network(self) -> np.ndarray:
        with self._lock:  # two stages of the film read features
            if self._heard is None:
                self._heard = self._encoder.logits(self._sound.mapped())  # type: ignore[attr-defined]
        return self._heard
