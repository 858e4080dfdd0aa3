"""Typed view of `params.yaml`: one frozen dataclass per group, checked when the file is read.

Every stage reads its parameters through `load_params`, so a wrong key, type or range stops the pipeline before any
work is done. docs/parameters.md is written from these classes (`make parameters`).
"""

from difftalker.config.fields import Device
from difftalker.config.footage import (
    AudioConfig,
    DemoConfig,
    DetectorConfig,
    FramesConfig,
    SplitConfig,
    VideoConfig,
)
from difftalker.config.measuring import FilmsConfig, PromotionConfig, SyncNetConfig
from difftalker.config.networks import (
    DecoderConfig,
    FaceConfig,
    LandmarksConfig,
    PriorConfig,
    SamplingConfig,
    TrainConfig,
    UNetConfig,
    WeightsConfig,
)
from difftalker.config.params import Params
from difftalker.config.parse import flatten, load_params, lookup, parse_params, read_yaml

__all__ = [
    "AudioConfig",
    "DecoderConfig",
    "DemoConfig",
    "DetectorConfig",
    "Device",
    "FaceConfig",
    "FilmsConfig",
    "FramesConfig",
    "LandmarksConfig",
    "Params",
    "PriorConfig",
    "PromotionConfig",
    "SamplingConfig",
    "SplitConfig",
    "SyncNetConfig",
    "TrainConfig",
    "UNetConfig",
    "VideoConfig",
    "WeightsConfig",
    "flatten",
    "load_params",
    "lookup",
    "parse_params",
    "read_yaml",
]
