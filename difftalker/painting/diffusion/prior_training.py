"""Training of the small prior: the autoencoder is fitted, the UNet trained on its latents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from difftalker.compute.device import convolution_autocast, to_device
from difftalker.config import PriorConfig, TrainConfig
from difftalker.painting.diffusion.latents import read_latents, write_latents
from difftalker.painting.diffusion.masked_diffusion import add_noise, masked_loss, prediction_target
from difftalker.painting.diffusion.prior import Prior
from difftalker.training.loop import TrainingOptions, train
from difftalker.training.progress import LossHistory


def train_prior(
    prior: Prior, images: np.ndarray, config: PriorConfig, *, seed: int, device: torch.device, scratch: Path
) -> dict[str, LossHistory]:
    """Train a small prior in place; a training that was interrupted goes on from `scratch`.

    Args:
        prior: fresh from `build_small_prior`.
        images: training crops (n, h, w, 3) uint8 RGB.
        config: of the prior.
        seed: decides all draws.
        device: where to train.
        scratch: folder for latents and checkpoints.

    Returns:
        Losses of `unet`.
    """
    prior.vae.fit(images)
    prior.to(device)
    write_latents(prior, images, len(images), scratch)
    full, upper = read_latents(scratch)
    history = train_unet(
        prior, full, upper, config.unet.train, seed=seed, device=device, checkpoint=scratch / "unet.pt"
    )
    return {"unet": history}


def train_unet(
    prior: Prior,
    full: np.ndarray,
    upper: np.ndarray,
    config: TrainConfig,
    **options: Unpack[TrainingOptions],
) -> LossHistory:
    """Train the UNet to denoise the lower half under a clean upper half, without landmarks.

    Args:
        prior: its UNet is trained in place.
        full: latents of the full frames (n, c, h, w).
        upper: latents of the upper-face images (n, c, h, w).
        config: steps, batch size, rate.
        options: of every training.
    """
    unet = prior.unet.requires_grad_(True)
    context = prior.context.to(options["device"])

    def predict(latents: Tensor, step: Tensor, *_: object) -> Tensor:
        return unet(latents, step, context.expand(len(latents), -1, -1)).sample

    loss = denoising_loss(prior, full, upper, predict, options["device"])
    history = train(unet, loss, items=len(full), config=config, title="prior", **options)
    unet.requires_grad_(False)
    return history


def denoising_loss(
    prior: Prior,
    full: np.ndarray,
    upper: np.ndarray,
    predict: Callable[[Tensor, Tensor, np.ndarray, Tensor, torch.Generator], Tensor],
    device: torch.device,
    weight: Callable[[np.ndarray], Tensor] | None = None,
) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Eq. 4 and 5 as a loss for the training loop.

    Args:
        prior: has the noise schedule and says what is predicted.
        full, upper: latents (n, c, h, w).
        predict: (z_t (b, c, h, w), step (b,), rows (b,), upper latents (b, c, h, w), generator) to the prediction.
        device: where to compute.
        weight: rows (b,) to the relative weight of positions (b, 1, h, w).
    """
    scheduler = prior.scheduler

    def loss(rows: Tensor, generator: torch.Generator) -> Tensor:
        index = rows.numpy()
        clean = to_device(full[index], device).float()
        above = to_device(upper[index], device).float()
        step = torch.randint(scheduler.config.num_train_timesteps, (len(index),), generator=generator)
        step = to_device(step, device)
        noise = to_device(torch.randn(clean.shape, generator=generator), device)
        noised = add_noise(scheduler, clean, above, noise, step)
        wanted = prediction_target(scheduler, clean, noise, step)
        with convolution_autocast(device):
            predicted = predict(noised, step, index, above, generator)
        return masked_loss(predicted.float(), wanted, None if weight is None else to_device(weight(index), device))

    return loss
