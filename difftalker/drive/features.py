"""Audio features of a part of a sound, the same whichever parts are asked for."""

from __future__ import annotations

import numpy as np

from difftalker.audio.encoder import AudioEncoder
from difftalker.audio.logmel import HOP, LEAD, SILENCE, LogMelEncoder, mel_rows
from difftalker.audio.wav import RATE
from difftalker.audio.windows import FEATURE_RATE, WINDOW, row_count
from difftalker.drive.sound import Sound

_BLOCK = 30.0  # seconds that an encoder with memory hears at once
_CONTEXT = 3.0  # seconds that it hears before and after


class Features:
    """Features for the video frames of a sound.

    The log-mel encoder needs the sound's level alone, which is known: its features are those of the whole sound. Any
    other encoder hears fixed blocks with some context at both ends.

    Args:
        encoder: the face's audio encoder.
        sound: what is to be said.
        fps: video frames per second.
        frames: number of video frames.
    """

    def __init__(self, encoder: AudioEncoder, sound: Sound, fps: float, frames: int) -> None:
        self._encoder, self._sound, self._fps, self._frames = encoder, sound, fps, frames
        self._block: tuple[int, np.ndarray] | None = None

    def read(self, first: int, last: int) -> np.ndarray:
        """Features of the frames `first` to `last` (exclusive): (last - first, 16, 29) float32."""
        if isinstance(self._encoder, LogMelEncoder):
            return self._log_mel(first, last)
        length = round(_BLOCK * self._fps)
        parts = []
        for number in range(first // length, (last - 1) // length + 1):
            block = self._encode(number, length)
            parts.append(block[max(first - number * length, 0) : last - number * length])
        return np.concatenate(parts)

    def _log_mel(self, first: int, last: int) -> np.ndarray:
        frames = np.arange(first, last)
        starts = np.floor(frames * FEATURE_RATE / self._fps + 0.5 + 1e-9).astype(int) - WINDOW // 2
        low, high = int(starts[0]), int(starts[-1]) + WINDOW
        rows = np.full((high - low, 29), SILENCE, np.float32)
        begin, end = max(low, 0), min(high, row_count(self._sound.samples / RATE))
        if end > begin:
            samples = self._sound.read(begin * HOP - LEAD, (end - 1) * HOP - LEAD + 400)
            rows[begin - low : end - low] = mel_rows(samples, self._sound.level)
        return rows[(starts - low)[:, None] + np.arange(WINDOW)]

    def _encode(self, number: int, length: int) -> np.ndarray:
        if self._block is None or self._block[0] != number:
            first = number * length
            count = min(length, self._frames - first)
            before = min(round(_CONTEXT * self._fps), first)
            heard = before + count + min(round(_CONTEXT * self._fps), self._frames - first - count)
            begin, end = (round(frame * RATE / self._fps) for frame in (first - before, first - before + heard))
            encoded = self._encoder.encode(self._sound.read(begin, end), heard, self._fps)
            self._block = number, encoded[before : before + count]
        return self._block[1]
