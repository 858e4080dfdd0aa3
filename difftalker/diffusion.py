"""Masked diffusion (paper, section 2.4): noise, loss and sampling of the lower rows under a clean upper half.

The paper's eq. 4 keeps rows i <= h//2 clean, counting from 1: the first h//2 rows. They come from the latent of the
upper-face image, the noised rows from the latent of the full frame: an autoencoder mixes the whole image, so the upper
rows of a full-face latent would know the mouth.

Shapes: b batch, c latent channels, h x w latent size, T steps of the noise schedule.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def lower_mask(latents: Tensor) -> Tensor:
    """1 on the noised rows, 0 on the clean ones: (1, 1, h, 1), like `latents` (b, c, h, w)."""
    h = latents.shape[-2]
    mask = torch.zeros(1, 1, h, 1, dtype=latents.dtype, device=latents.device)
    mask[:, :, h // 2 :] = 1
    return mask


def add_noise(clean: Tensor, upper: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Eq. 4: noised lower rows under clean upper rows.

    Args:
        clean: Z_0, latents of the full frames (b, c, h, w).
        upper: latents of the upper-face images (b, c, h, w); only the first h//2 rows are used.
        noise: epsilon ~ N(0, 1) (b, c, h, w).
        alpha_bar: cumulative alphas of the drawn steps (b,).
    """
    mask = lower_mask(clean)
    a = alpha_bar.view(-1, 1, 1, 1)
    return torch.where(mask > 0, a.sqrt() * clean + (1 - a).sqrt() * noise, upper)


def target(clean: Tensor, noise: Tensor, alpha_bar: Tensor, prediction: str) -> Tensor:
    """What the network must predict: epsilon (eq. 5), v = sqrt(a) epsilon - sqrt(1 - a) Z_0, or Z_0 itself.

    Epsilon and v ask a network to carry the noise through exactly. A small one cannot, and its error stays in the
    picture as grain; Z_0 (`sample`, the small presets) needs only the picture, which the landmarks nearly decide.
    """
    if prediction == "epsilon":
        return noise
    if prediction == "sample":
        return clean
    a = alpha_bar.view(-1, 1, 1, 1)
    return a.sqrt() * noise - (1 - a).sqrt() * clean


def masked_loss(predicted: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
    """Eq. 5 as a mean squared error over the lower rows only.

    Args:
        predicted, wanted: (b, c, h, w).
        weight: (b, 1, h, w), relative weight of each position; ones where absent.
    """
    mask = lower_mask(predicted)
    weight = mask.expand(predicted.shape[0], -1, -1, predicted.shape[-1]) if weight is None else mask * weight
    return ((predicted - wanted).square() * weight).sum() / (weight.sum() * predicted.shape[1])


def timesteps(steps: int, total: int) -> list[int]:
    """`steps` of the schedule's `total` steps, from the noisiest down, evenly spaced and ending above 0."""
    return [round(total * (steps - i) / steps) - 1 for i in range(steps)]


def sample(
    network: Callable[[Tensor, Tensor], Tensor],
    upper: Tensor,
    noise: Tensor,
    alphas_cumprod: Tensor,
    *,
    steps: int,
    prediction: str,
) -> Tensor:
    """Deterministic DDIM (what the misprinted eq. 6 means); the clean rows are imposed again at every step.

    Args:
        network: maps (latents (b, c, h, w), timestep (b,) int64) to the prediction (b, c, h, w).
        upper: latents of the upper-face images (b, c, h, w).
        noise: starting noise (b, c, h, w).
        alphas_cumprod: (T,) of the schedule.
        steps: network evaluations, 1..T.
        prediction: `epsilon`, `v_prediction` or `sample`.

    Returns:
        Z_0 (b, c, h, w): upper rows equal `upper`'s.
    """
    mask = lower_mask(upper)
    latents = torch.where(mask > 0, noise, upper)
    plan = timesteps(steps, len(alphas_cumprod))
    for step, following in zip(plan, [*plan[1:], None], strict=True):
        a = alphas_cumprod[step].to(upper)
        predicted = network(latents, torch.full((len(latents),), step, device=latents.device))
        if prediction == "epsilon":
            epsilon = predicted
            clean = (latents - (1 - a).sqrt() * epsilon) / a.sqrt()
        elif prediction == "sample":
            clean = predicted
            epsilon = (latents - a.sqrt() * clean) / (1 - a).sqrt()
        else:
            epsilon = a.sqrt() * predicted + (1 - a).sqrt() * latents
            clean = a.sqrt() * latents - (1 - a).sqrt() * predicted
        if following is None:
            latents = clean
        else:
            b = alphas_cumprod[following].to(upper)
            latents = b.sqrt() * clean + (1 - b).sqrt() * epsilon
        latents = torch.where(mask > 0, latents, upper)
    return latents
