"""Masked diffusion (paper, section 2.4): noise, loss and sampling of the lower rows under a clean upper half.

The paper's eq. 4 keeps rows i <= h//2 clean, counting from 1: the first h//2 rows. They come from the latent of the
upper-face image, the noised rows from the latent of the full frame: an autoencoder mixes the whole image, so the upper
rows of a full-face latent would know the mouth. The noise schedule and its steps are those of diffusers' schedulers.

Shapes: b batch, c latent channels, h x w latent size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers import DDIMScheduler
from torch import Tensor


def lower_mask(latents: Tensor) -> Tensor:
    """1 on the noised rows, 0 on the clean ones: (1, 1, h, 1), like `latents` (b, c, h, w)."""
    h = latents.shape[-2]
    mask = torch.zeros(1, 1, h, 1, dtype=latents.dtype, device=latents.device)
    mask[:, :, h // 2 :] = 1
    return mask


def add_noise(scheduler: DDIMScheduler, clean: Tensor, upper: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """Eq. 4: noised lower rows under clean upper rows.

    Args:
        scheduler: has the noise schedule.
        clean: Z_0, latents of the full frames (b, c, h, w).
        upper: latents of the upper-face images (b, c, h, w); only the first h//2 rows are used.
        noise: epsilon ~ N(0, 1) (b, c, h, w).
        step: t (b,) int64.
    """
    return torch.where(lower_mask(clean) > 0, scheduler.add_noise(clean, noise, step), upper)


def prediction_target(scheduler: DDIMScheduler, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
    """What the network must predict: epsilon (eq. 5), v = sqrt(a) epsilon - sqrt(1 - a) Z_0, or Z_0 itself.

    Epsilon and v ask a network to carry the noise through exactly. A small one cannot, and its error stays in the
    picture as grain; Z_0 (`sample`, the small presets) needs only the picture, which the landmarks nearly decide.

    Args: as in `add_noise`.
    """
    prediction = scheduler.config.prediction_type
    if prediction == "epsilon":
        return noise
    return clean if prediction == "sample" else scheduler.get_velocity(clean, noise, step)


def masked_loss(predicted: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
    """Eq. 5 as a mean squared error over the lower rows only.

    Args:
        predicted, wanted: (b, c, h, w).
        weight: (b, 1, h, w), relative weight of each position; ones where absent.
    """
    mask = lower_mask(predicted)
    weight = mask.expand(predicted.shape[0], -1, -1, predicted.shape[-1]) if weight is None else mask * weight
    return ((predicted - wanted).square() * weight).sum() / (weight.sum() * predicted.shape[1])


def ddim_scheduler(trained: DDIMScheduler, steps: int) -> DDIMScheduler:
    """Deterministic DDIM (what the misprinted eq. 6 means) in `steps` steps, from the noisiest down to the image.

    Args:
        trained: the scheduler that the network was trained with.
        steps: network evaluations, from 1 to the number of training steps.
    """
    kept = {name: value for name, value in trained.config.items() if not name.startswith("_")}
    changed = {"timestep_spacing": "trailing", "set_alpha_to_one": True, "clip_sample": False, "thresholding": False}
    scheduler = DDIMScheduler.from_config(kept | changed)
    scheduler.set_timesteps(steps)
    scheduler.timesteps = scheduler.timesteps[:steps]  # rounding may have added one below zero
    return scheduler


def sample_lower_rows(
    network: Callable[[Tensor, Tensor], Tensor], upper: Tensor, noise: Tensor, scheduler: DDIMScheduler
) -> Tensor:
    """Draw the lower rows; the clean rows are imposed again at every step.

    Args:
        network: maps (latents (b, c, h, w), timestep (b,) int64) to the prediction (b, c, h, w).
        upper: latents of the upper-face images (b, c, h, w).
        noise: starting noise (b, c, h, w).
        scheduler: with its steps set, see `ddim_scheduler`.

    Returns:
        Z_0 (b, c, h, w): upper rows equal `upper`'s.
    """
    mask = lower_mask(upper)
    latents = torch.where(mask > 0, noise, upper)
    steps = scheduler.timesteps.tolist()
    for step in steps:
        predicted = network(latents, torch.full((len(latents),), step, device=latents.device))
        stepped = scheduler.step(predicted, step, latents)
        lower = stepped.pred_original_sample if step == steps[-1] else stepped.prev_sample
        latents = torch.where(mask > 0, lower, upper)
    return latents
