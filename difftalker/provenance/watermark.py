"""An imperceptible mark in the brightness of the painted part, which says that a film is of this software.

The mark is one fixed pattern in the face's own frame, of waves with 4 to 10 periods in a face width: coarse enough to
outlive coding and halving, fine enough not to look like light. Its sign swings slowly, so that the face itself, which
does not, falls out of what is looked for (`watermark_search`). It carries no message.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

WATERMARK_NAME = "difftalker-1"  # raised when the pattern changes
WATERMARK_SEED = 0
SWING_PERIOD = 0.8  # seconds of a swing
LOWEST, HIGHEST = 4.0, 10.0  # periods in a face width

WATERMARK_AMPLITUDE = 1.6  # root mean square over pattern and swing, in steps of 1/255; no pixel changes by twice that

_WAVES = 80
_STEEP, _LIMIT = 1.6, 1.2  # the sum of waves is cut off, so that no pixel stands out
_PATTERN_RMS, _SWING_RMS = 1.0, 0.85  # after cutting off


def add_watermark(
    crop: np.ndarray, crop_scale: float, time: float, amplitude: float = WATERMARK_AMPLITUDE
) -> np.ndarray:
    """A painted crop with the mark.

    Args:
        crop: (size, size, 3) float32 RGB, 0 to 255.
        crop_scale: side of the crop in face widths.
        time: of the frame in the film, in seconds.
        amplitude: of the mark.
    """
    swing = np.clip(2 * np.cos(2 * np.pi * time / SWING_PERIOD), -1, 1) / _SWING_RMS
    marked = crop + np.float32(amplitude * swing) * watermark_pattern(len(crop), crop_scale)[..., None]
    return marked.astype(np.float32)


@lru_cache(maxsize=8)
def watermark_pattern(size: int, crop_scale: float, seed: int = WATERMARK_SEED) -> np.ndarray:
    """The pattern over a crop, (size, size) float32 with a root mean square near 1; other seeds give others."""
    draw = np.random.RandomState(seed)  # the same numbers in all versions of NumPy
    frequency = np.sqrt(draw.uniform(LOWEST**2, HIGHEST**2, _WAVES))
    angle, phase = draw.uniform(0, np.pi, _WAVES), draw.uniform(0, 2 * np.pi, _WAVES)
    across = (np.arange(size) - (size - 1) / 2) * crop_scale / size  # in face widths from the nose base
    down = (np.arange(size) - size / 2) * crop_scale / size
    # cos(a + b) of a sum over waves, as two products of matrices
    right = 2 * np.pi * np.outer(frequency * np.cos(angle), across)
    below = 2 * np.pi * np.outer(frequency * np.sin(angle), down) + phase[:, None]
    waves = np.cos(below).T @ np.cos(right) - np.sin(below).T @ np.sin(right)
    return (np.clip(_STEEP * waves / np.sqrt(_WAVES / 2), -_LIMIT, _LIMIT) / _PATTERN_RMS).astype(np.float32)
