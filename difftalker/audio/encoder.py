"""What an audio encoder is, its features for the frames of a video, and the one that the parameters name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from difftalker.audio.feature_windows import RowReader, cut_feature_windows
from difftalker.audio.voice_activity import active_speech_level, row_power
from difftalker.config import AudioConfig, Device
from difftalker.weights.store import locate


class SoundSource(Protocol):
    """A sound of which any part can be read: mono, 16 kHz."""

    @property
    def samples(self) -> int:
        """Number of samples."""
        ...

    @property
    def level(self) -> float:
        """Active speech level of the whole, see `voice_activity.active_speech_level`."""
        ...

    def read(self, first: int, last: int) -> np.ndarray:
        """Samples `first` to `last` (exclusive), int16; zeros before the start and beyond the end."""
        ...

    def mapped(self) -> np.ndarray:
        """All samples, (samples,) int16."""
        ...


@dataclass(frozen=True)
class InMemorySound:
    """A sound in memory.

    Attributes:
        values: (n,) int16.
    """

    values: np.ndarray

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.values)

    @property
    def level(self) -> float:
        """Active speech level."""
        return active_speech_level(row_power(self.values))

    def read(self, first: int, last: int) -> np.ndarray:
        """See `SoundSource.read`."""
        piece = np.zeros(last - first, np.int16)
        begin, end = max(first, 0), min(last, len(self.values))
        if end > begin:
            piece[begin - first : end - first] = self.values[begin:end]
        return piece

    def mapped(self) -> np.ndarray:
        """See `SoundSource.mapped`."""
        return self.values


class AudioEncoder(ABC):
    """Turns sound into sixteen rows of 29 features for every video frame."""

    @abstractmethod
    def listen(self, sound: SoundSource) -> RowReader:
        """The feature rows of a sound, computed when they are asked for; the same whichever parts are read."""

    def encode(self, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
        """Encode one clip.

        Args:
            samples: (n,) int16, 16 kHz, mono, from time zero on.
            frames: number of video frames.
            fps: video frames per second; frame v has time v / fps.

        Returns:
            (frames, 16, 29) float32; the middle of window v is the time of frame v.
        """
        return cut_feature_windows(self.listen(InMemorySound(samples)), 0, frames, fps)


def make_encoder(config: AudioConfig, pin: str | None = None, device: Device = "auto") -> AudioEncoder:
    """The encoder of `audio.encoder`.

    Args:
        config: the group `audio` of the parameters.
        pin: hash of the weights of `deepspeech` (`weights.deepspeech`); None takes the published ones.
        device: where `deepspeech` runs; `whisper` runs on the CPU, so that a face hears alike everywhere.

    Raises:
        UserError: the weights are not here or not the ones pinned, or the device is not present.
    """
    # Both load torch.
    if config.encoder == "whisper":
        from difftalker.audio.whisper.encoder import WhisperEncoder

        return WhisperEncoder()
    from difftalker.audio.deepspeech.encoder import DeepSpeechEncoder
    from difftalker.compute.device import select_device

    return DeepSpeechEncoder(locate("deepspeech", pin), select_device(device))


class FeatureWindows:
    """Features for the video frames of a sound, those of the whole sound.

    Args:
        encoder: the face's audio encoder.
        sound: what is to be said.
        fps: video frames per second.
    """

    def __init__(self, encoder: AudioEncoder, sound: SoundSource, fps: float) -> None:
        self._rows, self._fps = encoder.listen(sound), fps

    def read(self, first: int, last: int) -> np.ndarray:
        """Features of the frames `first` to `last` (exclusive): (last - first, 16, 29) float32."""
        return cut_feature_windows(self._rows, first, last, self._fps)
