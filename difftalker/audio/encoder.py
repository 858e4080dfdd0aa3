"""What an audio encoder is, and how to make the one that the parameters name."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from difftalker.audio.logmel import LogMelEncoder
from difftalker.config import AudioConfig
from difftalker.weights.store import locate


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


def make_encoder(
    config: AudioConfig, pin: str | None = None, device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
) -> AudioEncoder:
    """The encoder of `audio.encoder`.

    Args:
        config: the group `audio` of the parameters.
        pin: hash of the weights of `deepspeech` (`weights.deepspeech`); None takes the published ones.
        device: where a network runs; `logmel` has none.

    Raises:
        UserError: the weights are not here or not the ones pinned, or the device is not present.
    """
    if config.encoder == "logmel":
        return LogMelEncoder()
    from difftalker.audio.deepspeech.encoder import DeepSpeechEncoder  # loads torch
    from difftalker.training.device import select_device

    return DeepSpeechEncoder(locate("deepspeech", pin), select_device(device))
