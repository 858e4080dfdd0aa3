"""Head motion, blinks and brows: random but smooth, and independent of the speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """Motion per frame; every field is (frames,) float64.

    yaw, pitch, roll: radians. shift_x, shift_y: portrait pixels. zoom: about 1. blink: 0 open to 1 shut.
    brow: rise in portrait pixels.
    """

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    shift_x: np.ndarray
    shift_y: np.ndarray
    zoom: np.ndarray
    blink: np.ndarray
    brow: np.ndarray


def _wander(rng: np.random.Generator, times: np.ndarray, slow: float, fast: float, parts: int = 6) -> np.ndarray:
    """A smooth random curve of unit standard deviation: sinusoids of `slow` to `fast` hertz, slower ones larger."""
    frequency = np.exp(rng.uniform(np.log(slow), np.log(fast), parts))
    phase = rng.uniform(0, 2 * np.pi, parts)
    size = frequency**-0.6
    size *= np.sqrt(2 / np.sum(size**2))
    return np.sin(2 * np.pi * frequency * times[:, None] + phase) @ size


def _blinks(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Lids fall in 0.09 s, stay 0.03 s and rise in 0.17 s, every 2 to 5.5 s."""
    closed = np.zeros(len(times))
    when = rng.uniform(0.8, 2.5)
    while len(times) and when < times[-1] + 0.5:
        since = times - when
        fall = np.clip((since + 0.105) / 0.09, 0, 1)
        rise = np.clip((0.185 - since) / 0.17, 0, 1)
        course = np.minimum(fall, rise)
        closed = np.maximum(closed, course * course * (3 - 2 * course))
        when += rng.uniform(2.0, 5.5)
    return closed


def head_motion(seed: int, times: np.ndarray) -> Motion:
    """Motion at `times` ((frames,) float64, seconds). The same seed gives the same curves."""
    rng = np.random.default_rng(seed)

    def curve(deviation: float, limit: float, slow: float = 0.07, fast: float = 0.55) -> np.ndarray:
        # tanh keeps the rare extremes within what the warp can show.
        return limit * np.tanh(deviation * _wander(rng, times, slow, fast) / limit)

    return Motion(
        yaw=np.radians(curve(3.2, 8.0)),
        pitch=np.radians(curve(2.0, 5.0)),
        roll=np.radians(curve(1.2, 3.0)),
        shift_x=curve(1.3, 3.0),
        shift_y=curve(0.8, 2.0),
        zoom=1 + curve(0.006, 0.015, 0.05, 0.25),
        blink=_blinks(rng, times),
        brow=np.maximum(curve(0.9, 2.4, 0.1, 0.5), -0.8),
    )
