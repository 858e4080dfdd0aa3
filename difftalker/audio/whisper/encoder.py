"""The encoder `whisper`: 29 components of Whisper's second layer, whatever the length of the sound.

The network hears stretches of 8 s, and the middle 6 s of each are kept: every row has at least a second of sound on
either side, and where a stretch begins depends on the row's number alone. So a sound gives the same rows, to the bit,
in whichever parts it is read. The sound is brought to one speech level first, and energies are clamped at a fixed floor
below it, in place of Whisper's clamp below the loudest value of 30 s. Beyond its ends there is silence.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
import torch

from difftalker.audio.encoder import AudioEncoder, SoundSource
from difftalker.audio.wav import RATE
from difftalker.audio.whisper.mel import HOP, WIDTH, log_mel
from difftalker.audio.whisper.network import WhisperNetwork
from difftalker.audio.whisper.weights import load_components, load_network
from difftalker.audio.windows import RowReader

ROW = RATE // 50  # samples
KEPT, CONTEXT = 300, 50  # rows of a stretch that are kept, and rows on either side of them
LEAD = 10  # rows before the sound's start that the first stretch gives
LEVEL = 1e-2  # active speech level that a sound is brought to: -20 dB of full scale
FLOOR = -6.8  # decimal logarithm of the least energy: 8 below the loudest of usual speech of that level
_HELD = 3  # stretches kept for the next read


class WhisperEncoder(AudioEncoder):
    """See the module.

    Raises:
        UserError: the weights of the package are missing or altered.
    """

    def __init__(self) -> None:
        self._network = load_network()
        self._mean, self._map = load_components()

    def listen(self, sound: SoundSource) -> RowReader:
        """See `AudioEncoder.listen`. Memory does not depend on the sound's length."""
        return _Rows(self, sound)

    @torch.inference_mode()
    def components(self, samples: np.ndarray, level: float) -> np.ndarray:
        """Features of one stretch.

        Args:
            samples: int16, see `stretch_of`.
            level: active speech level of the sound that it is part of.

        Returns:
            (300, 29) float32, of about zero mean and unit variance over speech.
        """
        rows = middle_rows(self._network, samples, level)
        return ((rows - self._mean) @ self._map).numpy()


def stretch_of(number: int) -> tuple[int, int]:
    """First and last sample (exclusive) that a stretch reads; stretch 0 keeps the rows from -10 on."""
    first = (number * KEPT - LEAD - CONTEXT) * ROW + ROW // 2 - WIDTH // 2  # the first window is of the row's middle
    return first, first + (2 * (KEPT + 2 * CONTEXT) - 1) * HOP + WIDTH


@torch.inference_mode()
def middle_rows(network: WhisperNetwork, samples: np.ndarray, level: float) -> torch.Tensor:
    """The network's rows that are kept of a stretch, (300, 384); arguments as for `WhisperEncoder.components`."""
    gain = np.float32(np.sqrt(LEVEL / level) / 32768)
    mel = log_mel(torch.from_numpy(samples.astype(np.float32) * gain), FLOOR)  # (80, 800)
    return network(mel[None])[0, CONTEXT : CONTEXT + KEPT]


class _Rows:
    """Feature rows of one sound."""

    def __init__(self, encoder: WhisperEncoder, sound: SoundSource) -> None:
        self._encoder, self._sound, self._level = encoder, sound, sound.level
        self._recent: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()  # several threads of a film read features

    def __call__(self, first: int, last: int) -> np.ndarray:
        numbers = range((first + LEAD) // KEPT, (last - 1 + LEAD) // KEPT + 1) if last > first else range(0)
        rows = np.concatenate([self._stretch(number) for number in numbers] or [np.zeros((0, 29), np.float32)])
        skipped = first + LEAD - numbers.start * KEPT
        return rows[skipped : skipped + last - first]

    def _stretch(self, number: int) -> np.ndarray:
        with self._lock:
            if number not in self._recent:
                self._recent[number] = self._encoder.components(self._sound.read(*stretch_of(number)), self._level)
            self._recent.move_to_end(number)
            while len(self._recent) > _HELD:
                self._recent.popitem(last=False)
            return self._recent[number]
