"""Where nobody speaks, and how far the mouth is at rest there."""

from __future__ import annotations

import numpy as np

from difftalker.audio.windows import FEATURE_RATE
from difftalker.face.smoothing import runs

_BELOW_SPEECH = 10 ** (-30 / 10)  # of the active speech level: quieter is silence
_ABOVE_NOISE = 10 ** (6 / 10)  # of the quietest sound: a steady noise is silence too
_NEAR_SPEECH = 10 ** (-15 / 10)  # but nothing as loud as this
SHORTEST = 0.3  # seconds; the closures of consonants are shorter
_CLOSING = 0.16  # seconds from the end of speech to the mouth at rest
_OPENING = 0.16  # seconds before speech at which the mouth begins to move


def silent_rows(power: np.ndarray, level: float, shortest: float = SHORTEST) -> np.ndarray:
    """The 20-ms rows of a sound in which nobody speaks.

    Args:
        power: mean power of every 20 ms, (rows,).
        level: the sound's active speech level, a power.
        shortest: seconds that a silence must last.

    Returns:
        (rows,) bool: long stretches far below the speech or near the noise.
    """
    if not len(power):
        return np.zeros(0, bool)
    noise = min(_ABOVE_NOISE * float(np.quantile(power, 0.05)), _NEAR_SPEECH * level)
    quiet = power < max(_BELOW_SPEECH * level, noise)
    silent = np.zeros(len(power), bool)
    for start, end in runs(quiet):
        if end - start >= shortest * FEATURE_RATE:
            silent[start:end] = True
    return silent


def rest(silent: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """How far the mouth is at rest in every video frame.

    Args:
        silent: (rows,) bool, 50 per second; the sound ends with it, and beyond it there is silence.
        frames: number of video frames.
        fps: video frames per second.

    Returns:
        (frames,) float32 in [0, 1]: 0 where someone speaks; 1 from 0.16 s after speech on, and until 0.16 s before it.
    """
    weight = np.zeros(frames)
    time = np.arange(frames) / fps
    for start, end in runs(silent):
        begin = -np.inf if start == 0 else start / FEATURE_RATE
        stop = np.inf if end == len(silent) else end / FEATURE_RATE
        inside = slice(int(np.searchsorted(time, begin)), int(np.searchsorted(time, stop)))
        moment = time[inside]
        ramp = np.minimum((moment - begin) / _CLOSING, (stop - moment) / _OPENING).clip(0.0, 1.0)
        weight[inside] = ramp * ramp * (3 - 2 * ramp)
    return weight.astype(np.float32)
