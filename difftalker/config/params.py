"""All of `params.yaml`, and what its groups demand of each other."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from difftalker.config.fields import STRICT, Device, Name
from difftalker.config.footage import AudioConfig, DemoConfig, DetectorConfig, FramesConfig, SplitConfig, VideoConfig
from difftalker.config.measuring import FilmsConfig, PromotionConfig, SyncNetConfig
from difftalker.config.networks import (
    DecoderConfig,
    FaceConfig,
    LandmarksConfig,
    PriorConfig,
    SamplingConfig,
    WeightsConfig,
)


@dataclass(frozen=True, config=STRICT)
class Params:
    """General."""

    seed: Annotated[
        int, Field(ge=0, lt=2**31, description="Decides initial weights, shuffling and all draws in training.")
    ]
    device: Annotated[
        Device,
        Field(description="Where networks run; `auto`: CUDA, then MPS, then the CPU."),
    ]
    recordings: Annotated[
        list[Name],
        Field(min_length=1, description="Folders of `data/raw/`, all of one speaker."),
    ]
    demo: DemoConfig
    video: VideoConfig
    frames: FramesConfig
    detector: DetectorConfig
    audio: AudioConfig
    split: SplitConfig
    prior: PriorConfig
    landmarks: LandmarksConfig
    face: FaceConfig
    decoder: DecoderConfig
    sampling: SamplingConfig
    films: FilmsConfig
    syncnet: SyncNetConfig
    promotion: PromotionConfig
    weights: WeightsConfig

    @model_validator(mode="after")
    def _expert_rate(self) -> Params:
        if self.syncnet.source == "official" and self.video.fps != 25.0:
            raise ValueError(f"syncnet.source 'official' needs video.fps 25.0, not {self.video.fps}")
        return self

    @property
    def size_multiple(self) -> int:
        """What `video.size` must be a multiple of for the small priors: latents halve evenly and have a middle row."""
        return self.prior.patch * max(2, 2 ** (len(self.prior.unet.channels) - 1))

    @model_validator(mode="after")
    def _latents_fit(self) -> Params:
        if self.prior.source != "huggingface" and self.video.size % self.size_multiple:
            raise ValueError(
                f"video.size {self.video.size} does not fit prior.patch and prior.unet.channels; set it to a multiple "
                f"of {self.size_multiple}"
            )
        return self

    @field_validator("recordings")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        if len(set(names)) != len(names):
            raise ValueError("every recording may be named once")
        return names
