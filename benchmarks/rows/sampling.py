"""Frames by diffusion on Stable Diffusion's architecture, at equal steps, against diffusers' inpainting pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetInpaintPipeline

from benchmarks.bench import Scale, Timing
from benchmarks.gpu import elapsed, network_on, peak, reset_peak
from benchmarks.rows.sd_architecture import BATCH, SIZE, TITLE_SIZE, sd_prior
from difftalker.compute.device import autocast, select_device
from difftalker.config import SamplingConfig
from difftalker.painting.synthesis import Synthesiser

TITLE = f"sampling in 10 steps, Stable Diffusion's architecture, {TITLE_SIZE}"
PEER = "`StableDiffusionControlNetInpaintPipeline`, its default guidance"
UNIT = "frames/s"
GOAL = ">= 2.5x"

_STEPS = {"tiny": 1, "quick": 10, "full": 10, "gpu": 10}


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    pass


def ours(work: Path, scale: Scale) -> Timing:
    prior, device, batch, size = sd_prior(scale), select_device("auto"), BATCH[scale], SIZE[scale]
    network, generator = network_on(prior).eval().requires_grad_(False), np.random.default_rng(0)
    crops = generator.integers(0, 256, (batch, size, size, 3), np.uint8)
    points = generator.uniform(0.2, 0.8, (batch, 68, 2)).astype(np.float32)
    sound = generator.normal(size=(batch, 16, 29)).astype(np.float32)
    synthesiser = Synthesiser(prior, network, SamplingConfig(_STEPS[scale], batch, 0), device)
    reset_peak(device)
    synthesiser.paint(crops, points, sound)
    seconds = elapsed(lambda: np.save(work / "ours.npy", synthesiser.paint(crops, points, sound)), device)
    return Timing(seconds, batch, _memory(device))


@torch.no_grad()
def peer(work: Path, scale: Scale) -> Timing:
    prior, device, batch, size = sd_prior(scale), select_device("auto"), BATCH[scale], SIZE[scale]
    torch.manual_seed(0)
    pipeline = StableDiffusionControlNetInpaintPipeline(
        vae=prior.vae,
        text_encoder=None,
        tokenizer=None,
        unet=prior.unet,
        controlnet=ControlNetModel.from_unet(prior.unet).eval(),
        scheduler=prior.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(device)
    pipeline.set_progress_bar_config(disable=True)
    picture, mask = torch.rand(batch, 3, size, size), torch.zeros(batch, 1, size, size)
    mask[:, :, size // 2 :] = 1
    prompt = prior.context.to(device).expand(batch, -1, -1)

    def run() -> None:
        with autocast(device):
            result = pipeline(
                image=picture,
                mask_image=mask,
                control_image=picture,
                prompt_embeds=prompt,
                negative_prompt_embeds=prompt,
                height=size,
                width=size,
                strength=1.0,
                num_inference_steps=_STEPS[scale],
                output_type="np",
            )
        np.save(work / "peer.npy", result.images)

    reset_peak(device)
    run()
    return Timing(elapsed(run, device), batch, _memory(device))


def check(work: Path) -> str:
    mine, theirs = np.load(work / "ours.npy"), np.load(work / "peer.npy")
    assert mine.shape == theirs.shape, (mine.shape, theirs.shape)
    return "same pictures' size"


def _memory(device: torch.device) -> float | None:
    return peak(device) * 2**30 if device.type == "cuda" else None
