"""Typed view of `params.yaml`: one frozen dataclass per group, checked when the file is read.

Every stage reads its parameters through `load_params`, so a wrong key, type or range stops the pipeline before any
work is done. The error names the file, the key, the value and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass

from difftalker.errors import UserError

_STRICT = ConfigDict(extra="forbid", strict=True)

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Channels = Annotated[list[Positive], Field(min_length=1)]
Hash = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40})$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


@dataclass(frozen=True, config=_STRICT)
class TrainConfig:
    """One training run. Steps are optimiser steps; the rate follows a linear warm-up and a cosine to zero.

    An optimiser step takes `accumulate` passes of `batch_size` items each; several GPUs share the passes, so the result
    does not depend on their number.
    """

    steps: Positive
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)]
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    ema_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.995
    clip_norm: Annotated[float, Field(gt=0.0)] = 1.0
    checkpoint_every: Positive = 100
    accumulate: Positive = 1
    checkpointing: bool = False
    compile: bool = False


@dataclass(frozen=True, config=_STRICT)
class DemoConfig:
    """The synthetic demo speaker (`data/raw/demo`)."""

    seconds: Annotated[float, Field(ge=2.0, le=90.0)]
    size: Annotated[int, Field(ge=128, le=1024, multiple_of=2)]
    seed: int
    voice: str


@dataclass(frozen=True, config=_STRICT)
class VideoConfig:
    """The common time base and the side of the square face crop in pixels."""

    fps: Annotated[float, Field(gt=0.0, le=120.0)]
    size: Annotated[int, Field(ge=32, le=1024, multiple_of=16)]


@dataclass(frozen=True, config=_STRICT)
class FramesConfig:
    """Face crops: `margin` is crop side over face width; `smoothing` the crop's Gaussian time scale in seconds."""

    codec: Literal["png", "jpeg"]
    margin: Annotated[float, Field(ge=1.1, le=4.0)]
    smoothing: NonNegative


@dataclass(frozen=True, config=_STRICT)
class DetectorConfig:
    """Landmark detection on the crops.

    `mesh` is MediaPipe's attention mesh, which ships with the package; `fan` the detector of the paper. `smoothing` is
    the width (frames) of the zero-phase filter; gaps up to `max_gap` frames are interpolated.
    """

    name: Literal["mesh", "fan"]
    smoothing: NonNegative
    max_gap: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class AudioConfig:
    """Audio features: windows of 16 neighbouring rows of 29 values for every video frame."""

    encoder: Literal["whisper", "deepspeech"]


@dataclass(frozen=True, config=_STRICT)
class SplitConfig:
    """Contiguous split in time; by whole clips where a recording has several."""

    test_fraction: Fraction


@dataclass(frozen=True, config=_STRICT)
class UNetConfig:
    """The small prior UNet (`UNet2DConditionModel`). Attention is used from the second resolution on."""

    channels: Channels
    context_dim: Positive
    train: TrainConfig


@dataclass(frozen=True, config=_STRICT)
class PriorConfig:
    """The frozen prior: `train` trains a small one on the footage.

    A position of its latents is a square of `patch` pixels, kept in `latent_channels` numbers.
    `huggingface` imports Stable Diffusion from `model`, a hub id (at `revision`) or a local folder; the other keys are
    not read then.
    """

    source: Literal["train", "huggingface"]
    prediction: Literal["epsilon", "v_prediction", "sample"]
    patch: Literal[4, 8, 16]
    latent_channels: Positive
    unet: UNetConfig
    model: Annotated[str, Field(min_length=1)] = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    revision: Annotated[str, Field(min_length=1)] = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"


@dataclass(frozen=True, config=_STRICT)
class LandmarksConfig:
    """Landmark completion (paper, section 2.3). `audio_path: bm` and `none` are the ablations.

    While training, `dropout` acts on the residual branches, Gaussian noise of standard deviation `noise` (fractions
    of the crop side) on the given points and of `sound_noise` (of their own spread) on the audio features,
    and in the share `still` of the frames the upper face rests and only the sound tells of the speech. `opening` is
    the weight of the squared error of the gaps between the lips beside that of the points (eq. 1).
    """

    audio_path: Literal["am", "bm", "none"]
    dim: Annotated[int, Field(gt=0, multiple_of=4)]
    heads: Positive
    layers: Positive
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)]
    noise: Annotated[float, Field(ge=0.0, le=0.1)]
    sound_noise: Annotated[float, Field(ge=0.0, le=2.0)]
    still: Annotated[float, Field(ge=0.0, le=1.0)]
    opening: Annotated[float, Field(ge=0.0, le=100.0)]
    train: TrainConfig

    @model_validator(mode="after")
    def _heads_divide(self) -> LandmarksConfig:
        if self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads ({self.heads})")
        return self


@dataclass(frozen=True, config=_STRICT)
class FaceConfig:
    """Face synthesis (paper, section 2.4). `condition: audio` is the ablation Ours-1.

    `train_decoder` also trains a copy of the UNet's decoder. `decoder` turns latents into pixels: the `prior`'s own, as
    in the paper, or one that sees `reference` frames of the speaker.
    """

    condition: Literal["landmarks", "audio"]
    decoder: Literal["prior", "reference"]
    train_decoder: bool
    landmark_noise: Annotated[float, Field(ge=0.0, le=0.1)]
    mouth_weight: Annotated[float, Field(ge=1.0, le=100.0)]
    train: TrainConfig


@dataclass(frozen=True, config=_STRICT)
class DecoderConfig:
    """The reference decoder, for `face.decoder: reference`.

    It reads `references` training frames warped onto the landmarks and has `width` channels at its finest level. The
    losses beside the absolute error have the weights `laplacian`, `energy` and `adversarial`; while training, Gaussian
    noise of standard deviation `landmark_noise` (fractions of the crop side) moves the completed landmarks.
    """

    references: Annotated[int, Field(ge=1, le=16)]
    width: Annotated[int, Field(gt=0, multiple_of=8)]
    laplacian: NonNegative
    energy: NonNegative
    adversarial: NonNegative
    landmark_noise: Annotated[float, Field(ge=0.0, le=0.1)]
    train: TrainConfig


@dataclass(frozen=True, config=_STRICT)
class SamplingConfig:
    """DDIM sampling: `seed` draws the one noise tensor that all frames of a video share."""

    steps: Annotated[int, Field(ge=1, le=1000)]
    batch_size: Positive
    seed: int


@dataclass(frozen=True, config=_STRICT)
class FilmsConfig:
    """The films that a trained face is measured by (`difftalker.evaluation.film_plan`): seconds of each kind at most.

    `own` films, of held-out speech over its own pictures, are made twice: from completed and from detected landmarks.
    `driven` are over pictures of the training part; `voice` likewise, in another voice.
    """

    own: NonNegative
    driven: NonNegative
    voice: NonNegative


@dataclass(frozen=True, config=_STRICT)
class SyncNetConfig:
    """The sync expert behind LSE-D and LSE-C: `train` a small one, or take the published one (`official`).

    `crop` is the rule by which faces are cut for it (`difftalker.sync.crop_rules`).
    """

    source: Literal["train", "official"]
    crop: Literal["pipeline", "face_track", "lrs"]
    train: TrainConfig

    @model_validator(mode="after")
    def _crop_is_known(self) -> SyncNetConfig:
        if self.source == "train" and self.crop != "pipeline":
            raise ValueError(f"crop {self.crop!r} is for source 'official'; the trained expert needs crop 'pipeline'")
        return self


@dataclass(frozen=True, config=_STRICT)
class PromotionConfig:
    """How much worse than the champion a retrained face may be in each gate (`difftalker.evaluation.promotion`)."""

    ld: NonNegative
    lse_d: NonNegative
    closure: NonNegative
    opening: NonNegative
    sharpness: NonNegative
    undetected: Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True, config=_STRICT)
class WeightsConfig:
    """Hashes of the pretrained weights: a stage refuses other files, and another hash runs it again."""

    deepspeech: Hash
    fan2d: Hash
    syncnet: Hash


@dataclass(frozen=True, config=_STRICT)
class Params:
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    device: Literal["auto", "cpu", "cuda", "mps"]
    recordings: Annotated[list[Name], Field(min_length=1)]
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


_ADAPTER = TypeAdapter(Params)


def parse_params(data: Any, source: str = "params.yaml") -> Params:
    """Check a parsed YAML document.

    Args:
        data: the document, a mapping of the groups of `Params`.
        source: what to call the document in errors.

    Raises:
        UserError: one line naming the key, its value and what is allowed, for the first thing that is wrong.
    """
    try:
        return _ADAPTER.validate_json(json.dumps(data, default=str))  # JSON mode: strict, yet mappings are groups
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error)}") from None


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        UserError: the file is missing, is no YAML, or holds a wrong key, type or value.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from the project's folder or name the file") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise UserError(f"{path}{line}: not valid YAML; correct the line or restore the file from git") from None
    return parse_params(data, str(path))


def lookup(params: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key in nested mappings; None if there is none."""
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of nested mappings, and their values."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        found |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def _explain(error: ValidationError) -> str:
    errors = error.errors()
    unknown = [each for each in errors if each["type"] in ("unexpected_keyword_argument", "extra_forbidden")]
    first = (unknown or errors)[0]  # a misspelt key is also the absence of the right one: say what was written
    key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
    if unknown:
        return f"unknown key {key}; {_advice(first['loc'])}"
    if first["type"] in ("missing", "missing_argument"):
        return f"key {key} is missing; add it (presets/demo.yaml shows every key)"
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message  # two groups that do not fit; the message names the keys
    return f"{key} = {first['input']!r}: {message[0].lower()}{message[1:]}"


def _advice(location: tuple[int | str, ...]) -> str:
    """What an unknown key may have been meant to be: one beside it that is spelt like it, or one of its name."""
    group: Any = Params
    for part in location[:-1]:
        group = group.__pydantic_fields__[part].annotation
    beside, prefix, name = list(group.__pydantic_fields__), [str(part) for part in location[:-1]], str(location[-1])
    similar = [".".join([*prefix, key]) for key in get_close_matches(name, beside, n=1)]
    if found := similar or [key for key in _keys(Params) if key.rpartition(".")[2] == name]:
        return f"did you mean {' or '.join(found)}?"
    return f"allowed beside it: {', '.join(beside)}"


def _keys(group: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of all groups and keys."""
    for name, field in group.__pydantic_fields__.items():
        yield prefix + name
        if hasattr(field.annotation, "__pydantic_fields__"):
            yield from _keys(field.annotation, f"{prefix}{name}.")
