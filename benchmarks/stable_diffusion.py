"""Configurations of Stable Diffusion 1.5, as published and with the same blocks of a few channels."""

from __future__ import annotations

SIZE = 64  # pixels of a crop of the tiny one: latents of 8 x 8, the smallest that four resolutions halve evenly
WIDTH = 16  # of its text encoder

# As far as they are not diffusers' defaults.
SD_UNET = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
}
SD_VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "norm_num_groups": 32,
}
TINY_UNET = SD_UNET | {
    "sample_size": SIZE // 8,
    "block_out_channels": (8, 8, 16, 16),
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
TINY_VAE = SD_VAE | {
    "block_out_channels": (4, 4, 8, 8),
    "layers_per_block": 1,
    "sample_size": SIZE,
    "norm_num_groups": 4,
}
