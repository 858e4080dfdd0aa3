"""Grain: the noise of camera and codec, which a trained network averages away, measured and put back.

Painted skin without it looks like wax beside the rest of the picture, and stands still where the footage flickers. Its
strength is measured on the training frames by second differences in time, in which a still picture has no part but its
noise. As in compositing, the painted part is then given noise of that strength, new in every frame.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_SHARE = 0.85  # of the missing strength: all of it costs more PSNR than it gives to the eye
_PER_DEVIATION = math.sqrt(6.0) * math.sqrt(
    2.0 / math.pi
)  # mean absolute second difference of white noise of deviation 1
_SPREAD = 0.7  # pixels: standard deviation of the Gaussian by which neighbours are alike


def grain_strength(true: np.ndarray, painted: np.ndarray, inside: np.ndarray) -> float:
    """How much noise the painted frames lack.

    Args:
        true: triples of successive frames (n, 3, h, w, 3) uint8 RGB.
        painted: the same frames painted, of the same shape.
        inside: which pixels of the middle frames are painted, (n, h, w) bool.

    Returns:
        Standard deviation in grey levels, at least 0; 0 where nothing is inside.
    """
    if not inside.any():
        return 0.0
    wanted, found = (float(_second_difference(frames)[inside].mean()) for frames in (true, painted))
    return _SHARE * math.sqrt(max(wanted**2 - found**2, 0.0)) / _PER_DEVIATION


def grain(upper: np.ndarray, shape: tuple[int, int]) -> Tensor:
    """Noise for some frames, decided by what their upper halves show: the same frame always has the same.

    Args:
        upper: upper halves of the source crops (b, h, w, 3) uint8.
        shape: height and width of the noise.

    Returns:
        (b, 1, *shape) float32, of mean 0 and standard deviation 1, the same for all colours.
    """
    seeds = [zlib.crc32(np.ascontiguousarray(image).tobytes()) for image in upper]
    noise = [torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    weight = torch.exp(-0.5 * (torch.arange(-2, 3) / _SPREAD).square())
    kernel = torch.outer(weight, weight)
    kernel = kernel / kernel.square().sum().sqrt()  # keeps the deviation
    return F.conv2d(F.pad(torch.stack(noise), (2, 2, 2, 2), mode="reflect"), kernel[None, None])


def _second_difference(frames: np.ndarray) -> np.ndarray:
    """Mean over the colours of the absolute second difference in time: (n, 3, h, w, 3) -> (n, h, w)."""
    first, middle, last = (frames[:, index].astype(np.float32) for index in range(3))
    return np.asarray(np.abs(first - 2 * middle + last).mean(axis=-1))
