"""A model of Stable Diffusion 1.5's architecture and folder format with some tens of thousands of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from benchmarks.stable_diffusion import TINY_UNET, TINY_VAE, WIDTH
from difftalker.compute.device import seeded

TOKENS = 12

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
