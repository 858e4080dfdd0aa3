"""Face synthesis (paper, section 2.4): a frozen prior UNet and a trainable landmark branch beside it.

The upper branch is the UNet's encoder, copied, with convolutions that read a raster of the completed landmarks. It sees
the upper-face latent, not z_t, so it runs once per frame. Its features enter the frozen decoder after every resnet.

Ablation `condition: audio` (Ours-1 of the paper): no landmarks; audio tokens replace the text prompt.

Shapes: b batch, c latent channels, h x w latent size, H = W crop size in pixels, e context width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from difftalker.model_folder import load_weights, save_weights
from difftalker.painting.diffusion.injection import LandmarkInjection
from difftalker.painting.diffusion.raster import RASTER_CHANNELS


class LandmarkBranch(nn.Module):
    """The upper branch: raster and upper-face latent to one feature map per decoder resnet."""

    def __init__(self, unet: UNet2DConditionModel, reduction: int) -> None:
        super().__init__()
        self.reduction = reduction
        self.checkpointing = False
        self.time_proj = copy.deepcopy(unet.time_proj)
        self.time_embedding = copy.deepcopy(unet.time_embedding)
        self.conv_in = copy.deepcopy(unet.conv_in)
        self.down_blocks = copy.deepcopy(unet.down_blocks)
        self.requires_grad_(True)
        width = unet.config.block_out_channels[0]
        self.raster_in = nn.Sequential(
            nn.Conv2d(RASTER_CHANNELS * reduction**2, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, upper: Tensor, raster: Tensor, context: Tensor) -> list[Tensor]:
        """Args: upper (b, c, h, w), raster (b, 5, H, W) in [0, 1], context (b, tokens, e).

        Returns:
            The encoder's feature maps, finest first, as the UNet's skip connections.
        """
        step = torch.zeros(len(upper), dtype=torch.long, device=upper.device)
        time = self.time_embedding(self.time_proj(step).to(upper.dtype))  # (b, time width)
        hidden = self.conv_in(upper) + self.raster_in(F.pixel_unshuffle(raster, self.reduction))  # (b, width, h, w)
        return encode(self.down_blocks, hidden, time, context, self.checkpointing)[1]


class FaceNetwork(nn.Module):
    """Dual-branch denoiser on a prior's UNet.

    The UNet is used in place and not part of what `save` writes: only the upper branch, the injections and, where
    `train_unet_decoder` says so, the tuned decoder are.

    Args:
        unet: the prior's UNet; frozen here, gradients still cross it.
        reduction: pixels per latent position of the prior's autoencoder.
        condition: `landmarks`, or `audio` for the ablation.
        train_unet_decoder: also train a copy of the UNet's decoder (small presets; a deviation from the paper, whose
            prior has seen millions of faces).
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        reduction: int,
        *,
        condition: Literal["landmarks", "audio"] = "landmarks",
        train_unet_decoder: bool = False,
    ) -> None:
        super().__init__()
        self.config = {"condition": condition, "train_unet_decoder": train_unet_decoder, "reduction": reduction}
        self._frozen = [unet.requires_grad_(False)]  # in a list: not a submodule, so not saved or moved with this one
        self.condition = condition
        self.checkpointing = False
        self.up_blocks = copy.deepcopy(unet.up_blocks).requires_grad_(True) if train_unet_decoder else None
        if condition == "landmarks":
            self.branch = LandmarkBranch(unet, reduction)
            self.injections = nn.ModuleList(
                LandmarkInjection(resnet.out_channels, channels)
                for resnet, channels in zip(_decoder_resnets(unet), reversed(_skip_channels(unet)), strict=True)
            )
        else:
            self.audio_tokens = nn.Sequential(
                nn.Linear(29, 128), nn.SiLU(), nn.Linear(128, unet.config.cross_attention_dim)
            )

    def enable_gradient_checkpointing(self) -> None:
        """Keep only the blocks' inputs for the backward pass and compute the rest again: the same gradients."""
        self.checkpointing = True
        if self.condition == "landmarks":
            self.branch.checkpointing = True

    @property
    def unet(self) -> UNet2DConditionModel:
        return self._frozen[0]

    def encode_condition(self, upper: Tensor, signal: Tensor, context: Tensor) -> dict[str, Any]:
        """What the denoiser reads at every step, computed once per frame.

        Args:
            upper: latents of the upper-face images (b, c, h, w).
            signal: raster (b, 5, H, W), or audio features (b, 16, 29) for `condition: audio`.
            context: the empty prompt (1, tokens, e).
        """
        context = context.expand(len(upper), -1, -1)
        if self.condition == "audio":
            return {"context": self.audio_tokens(signal), "features": None}
        return {"context": context, "features": self.branch(upper, signal, context)}

    def forward(self, latents: Tensor, step: Tensor, conditions: dict[str, Any]) -> Tensor:
        """Args: latents z_t (b, c, h, w), step (b,) int64, conditions of `encode_condition`.

        Returns:
            The prediction (epsilon or v), (b, c, h, w).
        """
        unet, context = self.unet, conditions["context"]
        features = conditions["features"]
        time = unet.time_embedding(unet.time_proj(step).to(latents.dtype))  # (b, time width)
        hidden, skips = encode(unet.down_blocks, unet.conv_in(latents), time, context)
        hidden = unet.mid_block(hidden, time, encoder_hidden_states=context)
        position = 0
        for block in self.up_blocks if self.up_blocks is not None else unet.up_blocks:
            attentions = (
                block.attentions if getattr(block, "has_cross_attention", False) else [None] * len(block.resnets)
            )
            for resnet, attention in zip(block.resnets, attentions, strict=True):
                feature = None if features is None else features[-1 - position]
                injection = None if features is None else self.injections[position]
                hidden = _step(
                    self.checkpointing,
                    partial(_decode, resnet, injection, attention),
                    *(torch.cat([hidden, skips.pop()], dim=1), time, feature, context),
                )
                position += 1
            for upsampler in block.upsamplers or []:
                hidden = upsampler(hidden)
        return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` (trained parts only)."""
        save_weights(self, folder, self.config)

    @classmethod
    def load(cls, folder: str | Path, unet: UNet2DConditionModel) -> FaceNetwork:
        """Read a trained network onto the prior's UNet, in evaluation mode.

        Raises:
            UserError: a file is missing or does not fit this prior.
        """
        return load_weights(Path(folder), lambda config: cls(unet, **config)).eval()


def encode(
    blocks: nn.ModuleList, hidden: Tensor, time: Tensor, context: Tensor, checkpointing: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """Run a UNet's encoder. Returns the last feature map and all skip connections, finest first."""
    skips = [hidden]
    for block in blocks:
        extra = (context,) if getattr(block, "has_cross_attention", False) else ()
        hidden, outputs = _step(checkpointing, block, hidden, time, *extra)
        skips.extend(outputs)
    return hidden, skips


def _decode(
    resnet: nn.Module,
    injection: nn.Module | None,
    attention: nn.Module | None,
    hidden: Tensor,
    time: Tensor,
    feature: Tensor | None,
    context: Tensor,
) -> Tensor:
    """One step of the decoder: resnet, what the landmarks add, attention to the prompt."""
    hidden = resnet(hidden, time)
    if injection is not None:
        hidden = injection(hidden, feature)
    return hidden if attention is None else attention(hidden, encoder_hidden_states=context, return_dict=False)[0]


def _step(checkpointing: bool, function: Callable[..., Any], *inputs: Tensor | None) -> Any:
    """Call a part of the network, and forget what is in it until the backward pass where `checkpointing` says so."""
    if checkpointing and torch.is_grad_enabled():
        return checkpoint(function, *inputs, use_reentrant=False)
    return function(*inputs)


def _decoder_resnets(unet: UNet2DConditionModel) -> list[Any]:
    return [resnet for block in unet.up_blocks for resnet in block.resnets]


def _skip_channels(unet: UNet2DConditionModel) -> list[int]:
    channels = [unet.config.block_out_channels[0]]
    for block in unet.down_blocks:
        channels += [resnet.out_channels for resnet in block.resnets]
        channels += [sampler.out_channels for sampler in block.downsamplers or []]
    return channels
