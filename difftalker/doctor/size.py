"""Which side of the crop keeps what the footage shows of the face, and which of it a machine can train at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from difftalker.compute.device import select_device
from difftalker.config import Params

SIZES = (96, 128, 160, 192, 224, 256, 320, 384, 448, 512)

# The largest size that is chosen unasked: docs/weights.md says what the trainings cost at these.
_AFFORDABLE = {"cpu": 192, "mps": 192, "cuda": 256}

# The mouth's sharpness (variance of the Laplacian) in the source's pixels after crop and paste-back, over that with an
# unreduced crop: mean of GRID s1 and of a face 125 pixels wide, both at a crop scale of 1.25.
_REDUCTION = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SHARPNESS = (0.0, 0.13, 0.22, 0.57, 0.72, 0.84, 0.91, 0.96, 1.0)

_SLACK = 0.02  # the measured width is not more exact than that


@dataclass(frozen=True)
class SizeChoice:
    """A choice of `video.size`.

    Attributes:
        size: the chosen side in pixels.
        needed: side of an unreduced crop in pixels, a decimal number.
        whole: the smallest allowed size that does not reduce the face; the largest allowed one if none does.
    """

    size: int
    needed: float
    whole: int


def choose_size(face: float, params: Params) -> SizeChoice:
    """The smallest allowed size that does not reduce the face, or the largest that the machine can train at.

    Args:
        face: median face width in source pixels.
        params: the crop's scale, what the networks demand, and the device; the prior is a small one.
    """
    device = select_device("auto").type if params.device == "auto" else params.device
    whole, allowed = whole_size(face, params), allowed_sizes(params)
    largest = max((size for size in allowed if size <= _AFFORDABLE[device]), default=allowed[0])
    return SizeChoice(min(whole, largest), params.frames.crop_scale * face, whole)


def whole_size(face: float, params: Params) -> int:
    """The smallest allowed size that does not reduce a face of so many pixels; the largest if none does."""
    allowed = allowed_sizes(params)
    return next((size for size in allowed if not reduced(size, face, params)), allowed[-1])


def reduced(size: int, face: float, params: Params) -> bool:
    """Whether crops of this size show a face of so many pixels smaller than the footage does."""
    return size < (1 - _SLACK) * params.frames.crop_scale * face


def allowed_sizes(params: Params) -> list[int]:
    """Sizes that the networks accept, rising; for an imported prior that of params.yaml, at which it was trained."""
    if params.prior.source == "huggingface":
        return [params.video.size]
    return [size for size in SIZES if size % params.size_multiple == 0] or [params.video.size]


def sharpness_lost(reduction: float) -> float:
    """Share of the mouth's sharpness that crops lose when they are reduced to `reduction` (0 to 1) of the source."""
    return 1.0 - float(np.interp(reduction, _REDUCTION, _SHARPNESS))
