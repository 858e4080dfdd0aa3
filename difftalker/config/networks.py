"""Parameters of the networks: their sizes, trainings, sampling and pretrained weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from difftalker.config.fields import STRICT, Channels, Decay, Hash, LandmarkNoise, NonNegative, Positive, Share, Text


@dataclass(frozen=True, config=STRICT)
class TrainConfig:
    """Trainings.

    The keys of every group called `train`.
    """

    steps: Annotated[Positive, Field(description="Optimiser steps.")]
    batch_size: Annotated[Positive, Field(description="Frames or windows per pass.")]
    learning_rate: Annotated[
        float, Field(gt=0.0, le=1.0, description="Peak rate of Adam; it falls to zero along a cosine.")
    ]
    warmup_steps: Annotated[int, Field(ge=0, description="Steps in which the rate rises linearly.")] = 20
    ema_decay: Annotated[Decay, Field(description="Decay of the averaged weights, which are the result.")] = 0.995
    clip_norm: Annotated[float, Field(gt=0.0, description="Largest norm of the gradient.")] = 1.0
    checkpoint_every: Annotated[
        Positive, Field(description="Steps between checkpoints; an interrupted training goes on from the last.")
    ] = 100
    accumulate: Annotated[
        Positive,
        Field(description="Passes per step, whose gradients are averaged; several GPUs share them."),
    ] = 1
    gradient_checkpointing: Annotated[
        bool,
        Field(
            description="Compute activations again in the backward pass: less memory, more time; for `face` and "
            "`prior.unet`."
        ),
    ] = False
    compile: Annotated[bool, Field(description="Use `torch.compile`: minutes at the start, faster steps.")] = False


@dataclass(frozen=True, config=STRICT)
class UNetConfig:
    """The UNet of a small prior.

    Attention is used from the second resolution on.
    """

    channels: Annotated[Channels, Field(description="Channels at each resolution.")]
    context_dim: Annotated[Positive, Field(description="Width of the cross-attention's context.")]
    train: TrainConfig


@dataclass(frozen=True, config=STRICT)
class PriorConfig:
    """Prior.

    Autoencoder and UNet, frozen while the face network is trained. With `huggingface` only `model` and
    `revision` are read (docs/weights.md).
    """

    source: Annotated[
        Literal["train", "huggingface"],
        Field(description="Train a small prior on the training split, or import Stable Diffusion."),
    ]
    prediction: Annotated[
        Literal["epsilon", "v_prediction", "sample"],
        Field(
            description="What the UNet predicts: the paper's epsilon (eq. 5), v, or Z_0, with which small networks do "
            "better (docs/ablations.md)."
        ),
    ]
    patch: Annotated[Literal[4, 8, 16], Field(description="Side in pixels of the square behind a position of latents.")]
    latent_channels: Annotated[Positive, Field(description="Numbers that such a square is kept in.")]
    unet: UNetConfig
    model: Annotated[Text, Field(description="Hub id or folder, in diffusers' format.")] = (
        "stable-diffusion-v1-5/stable-diffusion-v1-5"
    )
    revision: Annotated[Text, Field(description="Commit, tag or branch of the hub id.")] = (
        "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
    )


@dataclass(frozen=True, config=STRICT)
class LandmarksConfig:
    """Landmark completion.

    Paper, section 2.3. Dropout, noise and resting faces are in training.
    """

    audio_fusion: Annotated[
        Literal["am", "bm", "none"],
        Field(description="Where sound enters: AM-Trans, BM-Trans (the paper's ablation), or nowhere."),
    ]
    dim: Annotated[int, Field(gt=0, multiple_of=4, description="Width of the tokens; also a multiple of `heads`.")]
    heads: Annotated[Positive, Field(description="Attention heads.")]
    layers: Annotated[Positive, Field(description="Transformer layers in each part.")]
    dropout: Annotated[Decay, Field(description="Dropout on the residual branches.")]
    landmark_noise: Annotated[
        LandmarkNoise,
        Field(
            description="Standard deviation of noise on the given points, over the crop's side; it hides what they "
            "tell of the mouth (docs/results-grid.md)."
        ),
    ]
    audio_noise: Annotated[
        float,
        Field(
            ge=0.0,
            le=2.0,
            description="The same on the audio features, over their own spread: for other voices and a steadier mouth "
            "(docs/ablations.md).",
        ),
    ]
    mixup: Annotated[
        float,
        Field(
            ge=0.0,
            le=1.0,
            description="Another frame's points and sound are mixed into each, with up to this share, drawn evenly: "
            "for other voices (docs/ablations.md); the paper: 0.",
        ),
    ]
    resting_share: Annotated[
        Share,
        Field(
            description="Share of frames whose given points are the clip's mean face in the same pose: the mouth "
            "learns to follow sound alone (docs/dubbing.md)."
        ),
    ]
    opening_weight: Annotated[
        float,
        Field(
            ge=0.0,
            le=100.0,
            description="Weight of the squared error of the gaps between the inner lips; the paper: 0.",
        ),
    ]
    train: TrainConfig

    @model_validator(mode="after")
    def _heads_divide(self) -> LandmarksConfig:
        if self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads ({self.heads})")
        return self


@dataclass(frozen=True, config=STRICT)
class FaceConfig:
    """Face synthesis.

    Paper, section 2.4.
    """

    condition: Annotated[
        Literal["landmarks", "audio"],
        Field(description="What guides the face: completed landmarks, or sound alone (the ablation Ours-1)."),
    ]
    decoder: Annotated[
        Literal["prior", "reference"],
        Field(description="What turns latents into pixels: the prior's decoder (the paper), or the reference decoder."),
    ]
    train_unet_decoder: Annotated[
        bool,
        Field(description="Also train a copy of the UNet's decoder, as small priors need; not in the paper."),
    ]
    landmark_noise: Annotated[
        LandmarkNoise,
        Field(description="Standard deviation of noise on the landmarks in training, over the crop's side."),
    ]
    mouth_weight: Annotated[
        float, Field(ge=1.0, le=100.0, description="Weight of the loss around the mouth over the rest.")
    ]
    train: TrainConfig


@dataclass(frozen=True, config=STRICT)
class DecoderConfig:
    """Reference decoder.

    For `face.decoder: reference`: a network that sees the upper face, the landmarks and training frames warped onto
    them. The weights are of losses beside the pixels' absolute error.
    """

    references: Annotated[
        int,
        Field(
            ge=1,
            le=16,
            description="How many frames: the median mouth, then those that differ most.",
        ),
    ]
    width: Annotated[int, Field(gt=0, multiple_of=8, description="Channels at the finest level.")]
    laplacian_weight: Annotated[
        NonNegative, Field(description="Absolute error of the Laplacians: edges in their place.")
    ]
    energy_weight: Annotated[
        NonNegative, Field(description="Error of the Laplacian's local strength: as sharp as the truth.")
    ]
    adversarial_weight: Annotated[NonNegative, Field(description="A discriminator of patches; 0 trains none.")]
    landmark_noise: Annotated[LandmarkNoise, Field(description="As `face.landmark_noise`.")]
    train: TrainConfig


@dataclass(frozen=True, config=STRICT)
class SamplingConfig:
    """DDIM sampling."""

    steps: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="Steps per frame; one is enough for `prior.prediction: sample` with the reference decoder.",
        ),
    ]
    batch_size: Annotated[Positive, Field(description="Frames at a time.")]
    seed: Annotated[int, Field(description="Draws the one noise tensor that all frames of a film share.")]


@dataclass(frozen=True, config=STRICT)
class WeightsConfig:
    """Pretrained weights.

    Hashes: a stage refuses other files, and another hash runs it again (docs/weights.md).
    """

    deepspeech: Annotated[Hash, Field(description="DeepSpeech 0.1.0, for `audio.encoder: deepspeech`.")]
    fan2d: Annotated[Hash, Field(description="FAN, for `detector.name: fan`.")]
    syncnet: Annotated[Hash, Field(description="The published SyncNet, for `syncnet.source: official`.")]
