"""Stable Diffusion 1.5's architecture with random weights: whole on a card, at a quarter of its width on a CPU."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from benchmarks.bench import Scale
from benchmarks.stable_diffusion import SD_UNET, SD_VAE, TINY_UNET, TINY_VAE
from difftalker.compute.device import seeded
from difftalker.painting.diffusion.prior import Prior

SIZE = {"tiny": 64, "quick": 256, "full": 256, "gpu": 512}  # pixels
BATCH = {"tiny": 1, "quick": 4, "full": 4, "gpu": 8}
TITLE_SIZE = "256 px, a quarter of its width (with `--gpu`: 512 px, full)"
_UNETS = {
    "tiny": TINY_UNET,
    "quick": SD_UNET | {"block_out_channels": (80, 160, 320, 320), "cross_attention_dim": 192, "norm_num_groups": 16},
    "gpu": SD_UNET,
}
_VAES = {"tiny": TINY_VAE, "quick": SD_VAE | {"block_out_channels": (32, 64, 128, 128)}, "gpu": SD_VAE}


def sd_prior(scale: Scale) -> Prior:
    """UNet, autoencoder and schedule."""
    name = "quick" if scale == "full" else scale
    with seeded(0):
        vae, unet = AutoencoderKL(**_VAES[name]), UNet2DConditionModel(**_UNETS[name])
        context = torch.randn(1, 77, unet.config.cross_attention_dim)
    schedule = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False)
    return Prior(vae, unet, schedule, context).eval().requires_grad_(False)


def text_encoder(scale: Scale) -> CLIPTextModel:
    """CLIP's text encoder as wide as the UNet's context."""
    width = {"tiny": 16, "gpu": 768}.get(scale, 192)
    layers, heads = (1, 2) if scale == "tiny" else (12, 12)
    config = CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=heads
    )
    with seeded(0):
        return CLIPTextModel(config).eval().requires_grad_(False)
