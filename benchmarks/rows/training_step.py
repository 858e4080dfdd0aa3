"""A training step of the face network on Stable Diffusion's architecture, against diffusers' recipe for a ControlNet.

Ours reads cached latents, has one context instead of prompts, and injects by attention; the recipe encodes pictures and
prompts in every step and trains a copy of the UNet's encoder. Both see one frame's worth of work per sample.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ControlNetModel, DDPMScheduler

from benchmarks.bench import Scale, Timing
from benchmarks.gpu import elapsed, face_config, network_on, peak, reset_peak
from benchmarks.rows.sd_architecture import BATCH, SIZE, TITLE_SIZE, sd_prior, text_encoder
from difftalker.compute.device import convolution_autocast, select_device
from difftalker.config import TrainConfig
from difftalker.painting.diffusion.training import train_face

TITLE = f"training step, Stable Diffusion's architecture, {TITLE_SIZE}"
PEER = "diffusers' ControlNet training recipe"
UNIT = "frames/s"
GOAL = ">= 2x, no more memory"

_STEPS = {"tiny": 1, "quick": 4, "full": 10, "gpu": 20}


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    pass


def ours(work: Path, scale: Scale) -> Timing:
    """Through the training loop; what comes before the first step is not counted."""
    prior, device = sd_prior(scale), select_device("auto")
    network, generator = network_on(prior), np.random.default_rng(0)
    side, batch = SIZE[scale] // 8, BATCH[scale]
    full, upper = generator.normal(size=(2, batch, 4, side, side)).astype(np.float16)
    points = generator.uniform(0.2, 0.8, (batch, 68, 2)).astype(np.float32)
    sound = generator.normal(size=(batch, 16, 29)).astype(np.float32)

    def run(steps: int) -> None:
        config = face_config(TrainConfig(steps=steps, batch_size=batch, learning_rate=1e-4))
        with redirect_stderr(io.StringIO()):
            train_face(network, prior, full, upper, points, sound, config, seed=0, device=device, checkpoint=None)

    return _timed(run, scale, device)


def peer(work: Path, scale: Scale) -> Timing:
    prior, device = sd_prior(scale), select_device("auto")
    torch.manual_seed(0)
    vae, unet = prior.vae.to(device), prior.unet.to(device)
    encoder: Any = text_encoder(scale)  # its decorated `to` confuses type checkers
    encoder, controlnet = encoder.to(device), ControlNetModel.from_unet(unet).to(device).train()
    optimiser = torch.optim.AdamW(controlnet.parameters(), lr=1e-4, fused=True)
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    batch, size = BATCH[scale], SIZE[scale]
    pixels, control = torch.randn(batch, 3, size, size), torch.rand(batch, 3, size, size)
    prompts = torch.randint(0, 1000, (batch, 77))

    def step() -> None:
        with torch.no_grad():
            latents = vae.encode(pixels.to(device)).latent_dist.sample() * vae.config.scaling_factor
        noise = torch.randn_like(latents)
        times = torch.randint(0, 1000, (batch,), device=device)
        noised = scheduler.add_noise(latents.float(), noise.float(), times)
        with torch.no_grad():
            text = encoder(prompts.to(device))[0]
        down, middle = controlnet(
            noised, times, encoder_hidden_states=text, controlnet_cond=control.to(device), return_dict=False
        )
        predicted = unet(
            noised,
            times,
            encoder_hidden_states=text,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
        torch.nn.functional.mse_loss(predicted.float(), noise.float()).backward()

    def run(steps: int) -> None:
        for _ in range(steps):
            with convolution_autocast(device):  # the precision of ours
                step()
            torch.nn.utils.clip_grad_norm_(controlnet.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    return _timed(run, scale, device)


def check(work: Path) -> str:
    return "same batch and precision"


def _timed(run: Callable[[int], None], scale: Scale, device: torch.device) -> Timing:
    reset_peak(device)
    run(1)
    started = time.perf_counter()
    run(1)
    short = time.perf_counter() - started
    long = elapsed(lambda: run(1 + _STEPS[scale]), device)
    memory = peak(device) * 2**30 if device.type == "cuda" else None
    return Timing(max(long - short, 1e-9), _STEPS[scale] * BATCH[scale], memory)
