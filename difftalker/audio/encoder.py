"""What an audio encoder is, and how to make the one that the parameters name."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from difftalker.audio.logmel import LogMelEncoder
from difftalker.config import AudioConfig
from difftalker.errors import UserError


class AudioEncoder(Protocol):
    """Turns sound into sixteen rows of 29 features for every video frame."""

    def encode(self, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
        """Encode one clip.

        Args:
            samples: (n,) int16, 16 kHz, mono, from time zero on.
            frames: number of video frames.
            fps: video frames per second; frame v has time v / fps.

        Returns:
            (frames, 16, 29) float32, rows at 50 Hz; the middle of window v is the time of frame v.
        """
        ...


def make_encoder(config: AudioConfig) -> AudioEncoder:
    """The encoder of `audio.encoder`.

    Raises:
        UserError: the encoder is not part of this version.
    """
    if config.encoder == "logmel":
        return LogMelEncoder()
    raise UserError(f"audio.encoder = {config.encoder!r} is not available in this version; set it to 'logmel'")
