"""Audio features of a part of a sound, the same whichever parts are asked for."""

from __future__ import annotations

import numpy as np

from difftalker.audio.encoder import AudioEncoder
from difftalker.audio.windows import windows
from difftalker.dub.sound import Sound


class Features:
    """Features for the video frames of a sound, those of the whole sound.

    Args:
        encoder: the face's audio encoder.
        sound: what is to be said.
        fps: video frames per second.
    """

    def __init__(self, encoder: AudioEncoder, sound: Sound, fps: float) -> None:
        self._rows, self._fps = encoder.listen(sound), fps

    def read(self, first: int, last: int) -> np.ndarray:
        """Features of the frames `first` to `last` (exclusive): (last - first, 16, 29) float32."""
        return windows(self._rows, first, last, self._fps)
