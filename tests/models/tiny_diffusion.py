"""A model of Stable Diffusion 1.5's architecture and folder format with some tens of thousands of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from difftalker.training.seeds import seeded

SIZE = 64  # pixels of a crop: latents of 8 x 8, the smallest that four resolutions halve evenly
WIDTH = 16  # of the text encoder
TOKENS = 12

# The published configurations of Stable Diffusion 1.5, as far as they are not diffusers' defaults.
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
SD_SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
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


def write_model(folder: Path, *, with_text: bool = True, variant: str | None = None) -> Path:
    """Write the model; without text encoder there is a `context.safetensors` in its place."""
    with seeded(0):
        unet, vae = UNet2DConditionModel(**TINY_UNET), AutoencoderKL(**TINY_VAE)
    unet.save_pretrained(folder / "unet", variant=variant)
    vae.save_pretrained(folder / "vae", variant=variant)
    config = json.loads((folder / "vae/config.json").read_text())
    del config["scaling_factor"]  # the published file leaves it out
    (folder / "vae/config.json").write_text(json.dumps(config))
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(SD_SCHEDULER))
    if with_text:
        write_text_encoder(folder, variant)
    else:
        write_context(folder)
    return folder


def write_context(folder: Path, width: int = WIDTH) -> None:
    from safetensors.torch import save_file

    context = torch.randn(1, TOKENS, width, generator=torch.Generator().manual_seed(1))
    save_file({"context": context}, folder / "context.safetensors")


def write_text_encoder(folder: Path, variant: str | None = None) -> None:
    """CLIP's text encoder and its byte-pair tokenizer, over the two special tokens and single bytes."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer/vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(
        str(folder / "tokenizer/vocab.json"), str(folder / "tokenizer/merges.txt"), model_max_length=TOKENS
    ).save_pretrained(folder / "tokenizer")
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
        pad_token_id=len(vocabulary) - 1,
    )
    with seeded(2):
        CLIPTextModel(config).save_pretrained(folder / "text_encoder", variant=variant)
