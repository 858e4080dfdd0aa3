"""The mouth's motion: viseme targets of timed phonemes, blended as in speech (coarticulation)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo_speaker.speech import PAUSE, Phoneme
from demo_speaker.visemes import PARAMETERS, closes_lips, touches_teeth, visemes_of

_REACH_S = 0.045
"""How far a target is felt before and after its own time (standard deviation beyond its ends)."""

_HOLD_S = 0.026
"""Least half duration of a lip closure: longer than half a frame at 25 fps, so that a frame always shows it."""

_RAMP_S = 0.075
"""Time in which the lips come together or part."""


def _bump(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 within start..end (at least the hold time), falling smoothly to 0 over the ramp on both sides."""
    middle, half = (start + end) / 2, max((end - start) / 2, _HOLD_S)
    beyond = np.clip((np.abs(times - middle) - half) / _RAMP_S, 0, 1)
    return 0.5 + 0.5 * np.cos(np.pi * beyond)


def _soft_positive(value: np.ndarray, knee: float = 0.8) -> np.ndarray:
    """max(value, 0) with a rounded start: 0 below 0, quadratic up to the knee, then linear."""
    value = np.maximum(value, 0)
    return np.where(value < knee, value**2 / (2 * knee), value - knee / 2)


def mouth_parameters(phonemes: Sequence[Phoneme], times: np.ndarray) -> np.ndarray:
    """Mouth parameters at given times, a function of the phoneme timings alone.

    times: (t,) float64, seconds. Returns (t, 7) float64 in the order of `visemes.PARAMETERS`. The gap is exactly 0
    in the middle of every p, b, m and in long silence.
    """
    total = np.zeros((len(times), len(PARAMETERS)))
    weight_sum = np.full(len(times), 1e-6)
    closure = np.zeros(len(times))
    tuck = np.zeros(len(times))
    for phoneme in phonemes:
        targets = visemes_of(phoneme.name)
        step = (phoneme.end_s - phoneme.start_s) / len(targets)
        for index, target in enumerate(targets):
            start = phoneme.start_s + index * step
            beyond = np.maximum(np.abs(times - start - step / 2) - step / 4, 0)
            # Short sounds do not reach their target fully, and lean on their neighbours.
            influence = target.weight * min(step / 0.06, 1.0) * np.exp(-0.5 * (beyond / _REACH_S) ** 2)
            total += influence[:, None] * target.vector()
            weight_sum += influence
        if closes_lips(phoneme.name):
            closure = np.maximum(closure, _bump(times, phoneme.start_s, phoneme.end_s))
        elif touches_teeth(phoneme.name):
            tuck = np.maximum(tuck, _bump(times, phoneme.start_s, phoneme.end_s))
        elif phoneme.name == PAUSE and phoneme.end_s - phoneme.start_s > 0.2:
            inner = _bump(times, phoneme.start_s + 0.1, phoneme.end_s - 0.1)
            closure = np.maximum(closure, inner)
    values = total / weight_sum[:, None]
    column = {name: index for index, name in enumerate(PARAMETERS)}
    gap = values[:, column["gap"]]
    # Lips against the teeth leave only the slit that shows the upper teeth's edge.
    gap = gap * (1 - tuck) + np.minimum(gap, 2.6) * tuck
    values[:, column["gap"]] = _soft_positive(gap * (1 - closure))
    values[:, column["tuck"]] = tuck * (1 - closure)
    values[:, column["jaw"]] *= 1 - 0.5 * np.maximum(closure, tuck)
    return values
