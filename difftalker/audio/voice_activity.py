"""Speech level and silence of a sound: power of every 20 ms, the level of the speech in it, and where nobody speaks.

The active speech level is the mean power of the 20-ms rows that lie within 25 dB of their 95th percentile, so pauses do
not count. It is taken as at least -60 dB of full scale: noise of a silent sound is not amplified.
"""

from __future__ import annotations

import numpy as np

from difftalker.audio.feature_windows import FEATURE_RATE
from difftalker.intervals import true_intervals
from difftalker.media.wav import AUDIO_RATE

ROW_SAMPLES = AUDIO_RATE // 50  # samples, 20 ms
_ACTIVE = 10 ** (-25 / 10)
_QUIETEST = 10 ** (-60 / 10)

_BELOW_SPEECH = 10 ** (-30 / 10)  # of the active speech level: quieter is silence
_ABOVE_NOISE = 10 ** (6 / 10)  # of the quietest sound: a steady noise is silence too
_NEAR_SPEECH = 10 ** (-15 / 10)  # but nothing as loud as this
STEADY = 4.0  # dB between the 5th and the 95th percentile of the power of 20 or 40 ms; speech has 20 and more
SHORTEST_SILENCE = 0.3  # seconds; the closures of consonants are shorter
_CLOSING = 0.16  # seconds from the end of speech to the mouth at rest
_OPENING = 0.16  # seconds before speech at which the mouth begins to move


def row_power(samples: np.ndarray) -> np.ndarray:
    """Mean power of the whole 20-ms rows of a sound (n,) int16: (n // 320,) float64, full scale 1."""
    rows = samples[: len(samples) // ROW_SAMPLES * ROW_SAMPLES].reshape(-1, ROW_SAMPLES).astype(np.float64) / 32768
    return (rows**2).mean(axis=1)


def active_speech_level(power: np.ndarray) -> float:
    """Active speech level: mean power of the loud rows of `row_power`, (n,); at least -60 dB of full scale."""
    if not len(power):
        return _QUIETEST
    loud = np.quantile(power, 0.95)
    return max(float(power[power >= _ACTIVE * loud].mean()), _QUIETEST)


def signal_speech_level(signal: np.ndarray) -> float:
    """Active speech level of a sound (n,) in [-1, 1]."""
    rows = signal[: len(signal) // ROW_SAMPLES * ROW_SAMPLES].reshape(-1, ROW_SAMPLES)
    return active_speech_level((rows**2).mean(axis=1))


def is_steady(power: np.ndarray) -> bool:
    """Whether a sound's loudness hardly changes, as that of noise and unlike that of speech.

    Args:
        power: mean power of every 20 ms, (rows,).
    """
    if len(power) < FEATURE_RATE:
        return False
    quiet, loud = np.quantile(power, [0.05, 0.95])
    return bool(loud > _QUIETEST and 10 * np.log10(loud / max(quiet, 1e-12)) < STEADY)


def silent_rows(power: np.ndarray, level: float, shortest: float = SHORTEST_SILENCE) -> np.ndarray:
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
    for start, end in true_intervals(quiet):
        if end - start >= shortest * FEATURE_RATE:
            silent[start:end] = True
    return silent


def silence_weight(silent: np.ndarray, frames: int, fps: float) -> np.ndarray:
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
    for start, end in true_intervals(silent):
        begin = -np.inf if start == 0 else start / FEATURE_RATE
        stop = np.inf if end == len(silent) else end / FEATURE_RATE
        inside = slice(int(np.searchsorted(time, begin)), int(np.searchsorted(time, stop)))
        moment = time[inside]
        ramp = np.minimum((moment - begin) / _CLOSING, (stop - moment) / _OPENING).clip(0.0, 1.0)
        weight[inside] = ramp * ramp * (3 - 2 * ramp)
    return weight.astype(np.float32)
