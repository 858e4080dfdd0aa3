"""Parameters of what the networks learn from: footage, crops, landmarks, sound and the split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from difftalker.config.fields import STRICT, Fraction, NonNegative


@dataclass(frozen=True, config=STRICT)
class DemoConfig:
    """Synthetic speaker.

    Read only while `demo` is among the recordings.
    """

    seconds: Annotated[float, Field(ge=2.0, le=90.0, description="Length of the film.")]
    size: Annotated[int, Field(ge=128, le=1024, multiple_of=2, description="Side of the square picture in pixels.")]
    seed: Annotated[int, Field(description="Head motion and blinks.")]
    voice: Annotated[str, Field(description="A voice of eSpeak NG, such as `en-us`.")]


@dataclass(frozen=True, config=STRICT)
class VideoConfig:
    """Frame rate and size.

    `difftalker add` and `difftalker preset` set the size: the smallest from 96 to 512 that keeps the largest face of
    the recordings in full, at most 192 on a CPU and 256 on a GPU. Work grows with its square (docs/gpu.md).
    """

    fps: Annotated[
        float,
        Field(
            gt=0.0,
            le=120.0,
            description="Frame rate to which footage is resampled; SyncNet and the paper use 25.",
        ),
    ]
    size: Annotated[
        int,
        Field(
            ge=32,
            le=1024,
            multiple_of=16,
            description="Side of the face crop in pixels. Also a multiple of `prior.patch` times 2 for each resolution "
            "of a small prior's UNet after the first. Stable Diffusion keeps its own.",
        ),
    ]


@dataclass(frozen=True, config=STRICT)
class FramesConfig:
    """Face crops."""

    codec: Annotated[Literal["png", "jpeg"], Field(description="`jpeg` (quality 95) takes less room.")]
    crop_scale: Annotated[
        float,
        Field(
            ge=1.1,
            le=4.0,
            description="Side of the crop over the face width (between the jaw line's upper ends). Frames whose "
            "chin leaves it are not used.",
        ),
    ]
    smoothing_seconds: Annotated[
        NonNegative, Field(description="Standard deviation of the smoothing of the crop's path.")
    ]


@dataclass(frozen=True, config=STRICT)
class DetectorConfig:
    """Landmark detection."""

    name: Annotated[
        Literal["mesh", "fan"],
        Field(description="MediaPipe's attention mesh, or the paper's FAN, for a GPU (docs/weights.md)."),
    ]
    smoothing_frames: Annotated[NonNegative, Field(description="Width of the zero-phase smoothing over time.")]
    max_gap: Annotated[int, Field(ge=0, description="Longest gap in frames that is interpolated.")]


@dataclass(frozen=True, config=STRICT)
class AudioConfig:
    """Audio features."""

    encoder: Annotated[
        Literal["whisper", "deepspeech"],
        Field(
            description="29 components of Whisper's second layer (docs/speech.md), or the paper's logits of "
            "DeepSpeech 0.1.0 (docs/weights.md)."
        ),
    ]


@dataclass(frozen=True, config=STRICT)
class SplitConfig:
    """Training and test."""

    test_fraction: Annotated[
        Fraction,
        Field(
            description="Share of the footage, at its end, that no training sees; whole clips where there are several."
        ),
    ]
