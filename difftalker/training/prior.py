"""Training of the small prior: first the autoencoder, then the UNet on its latents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from difftalker.composite import upper_face
from difftalker.config import PriorConfig, TrainConfig
from difftalker.diffusion import add_noise, masked_loss, target
from difftalker.files import replacing
from difftalker.latents import read_latents, write_latents
from difftalker.models.prior import Prior, to_tensor
from difftalker.training.history import History
from difftalker.training.loop import train

_LOWER_WEIGHT = 2.0  # the generated half counts more than the half that the source replaces
_EDGE_WEIGHT = 1.0
_KL_WEIGHT = 1e-6


def train_prior(
    prior: Prior, images: np.ndarray, config: PriorConfig, *, seed: int, device: torch.device, scratch: Path
) -> dict[str, History]:
    """Train autoencoder and UNet in place; a training that was interrupted goes on from `scratch`.

    Args:
        prior: fresh or pretrained.
        images: training crops (n, h, w, 3) uint8 RGB.
        config: the two trainings.
        seed: decides all draws.
        device: where to train.
        scratch: folder for checkpoints and for the finished autoencoder while the UNet trains.

    Returns:
        Losses of `autoencoder` and `unet`.
    """
    prior.to(device)
    vae_history = History(config.vae.train.steps)
    finished = scratch / "autoencoder"
    if finished.exists():
        prior.vae = Prior.load(finished).vae.to(device)
        vae_history.restore(json.loads((finished / "history.json").read_text()))
    else:
        vae_history = train_vae(
            prior, images, config.vae.train, seed=seed, device=device, checkpoint=scratch / "autoencoder.pt"
        )
        with replacing(finished) as partial:
            prior.save(partial)
            (partial / "history.json").write_text(json.dumps(vae_history.state()))
    write_latents(prior, images, len(images), scratch)
    full, upper = read_latents(scratch)
    unet_history = train_unet(
        prior, full, upper, config.unet.train, seed=seed, device=device, checkpoint=scratch / "unet.pt"
    )
    return {"autoencoder": vae_history, "unet": unet_history}


def train_vae(
    prior: Prior, images: np.ndarray, config: TrainConfig, *, seed: int, device: torch.device, checkpoint: Path | None
) -> History:
    """Train the autoencoder and set its `scaling_factor` to the inverse deviation of the latents.

    Besides full frames it sees upper-face images, which it must encode as well (DESIGN, no leakage).

    Args:
        prior: trained in place.
        images: training crops (n, h, w, 3) uint8 RGB; a memory map will do.
        config: steps, batch size, rate.
        seed: decides all draws.
        device: where to train.
        checkpoint: see `train`.
    """
    vae = prior.vae.requires_grad_(True)

    def loss(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        batch = images[rows.numpy()]
        hidden = torch.rand(len(batch), generator=generator).numpy() < 0.25
        batch[hidden] = upper_face(batch[hidden])
        x = to_tensor(batch).to(device)  # (b, 3, h, w)
        posterior = vae.encode(F.pixel_unshuffle(x, prior.fold)).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator).to(device)
        y = F.pixel_shuffle(vae.decode(posterior.mean + posterior.std * noise).sample, prior.fold)
        error = (y - x).abs()
        weight = torch.ones_like(x[:, :1])
        weight[:, :, x.shape[-2] // 2 :] = _LOWER_WEIGHT
        pixels = (error * weight).mean()
        edges = _edge_error(y, x)
        kl = posterior.kl().mean() / posterior.mean[0].numel()
        return {"loss": pixels + _EDGE_WEIGHT * edges + _KL_WEIGHT * kl, "pixels": pixels, "edges": edges, "kl": kl}

    history = train(
        vae,
        loss,
        items=len(images),
        config=config,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        title="autoencoder",
    )
    vae.requires_grad_(False)
    vae.register_to_config(scaling_factor=_scaling_factor(prior, images, device))
    return history


def train_unet(
    prior: Prior,
    full: np.ndarray,
    upper: np.ndarray,
    config: TrainConfig,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Path | None,
) -> History:
    """Train the UNet to denoise the lower half under a clean upper half, without landmarks.

    Args:
        prior: its UNet is trained in place.
        full: latents of the full frames (n, c, h, w).
        upper: latents of the upper-face images (n, c, h, w).
        config: steps, batch size, rate.
        seed: decides all draws.
        device: where to train.
        checkpoint: see `train`.
    """
    unet = prior.unet.requires_grad_(True)
    context = prior.context.to(device)

    def predict(latents: Tensor, step: Tensor, *_: object) -> Tensor:
        return unet(latents, step, context.expand(len(latents), -1, -1)).sample

    loss = denoising_loss(prior, full, upper, predict, device)
    history = train(
        unet, loss, items=len(full), config=config, seed=seed, device=device, checkpoint=checkpoint, title="prior"
    )
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
        prior: gives schedule and prediction type.
        full, upper: latents (n, c, h, w).
        predict: (z_t (b, c, h, w), step (b,), rows (b,), upper latents (b, c, h, w), generator) to the prediction.
        device: where to compute.
        weight: rows (b,) to the relative weight of positions (b, 1, h, w).
    """
    alphas = prior.alphas_cumprod.to(device)

    def loss(rows: Tensor, generator: torch.Generator) -> Tensor:
        index = rows.numpy()
        clean = torch.from_numpy(full[index]).float().to(device)
        above = torch.from_numpy(upper[index]).float().to(device)
        step = torch.randint(len(alphas), (len(index),), generator=generator).to(device)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        alpha_bar = alphas[step]
        noised = add_noise(clean, above, noise, alpha_bar)
        wanted = target(clean, noise, alpha_bar, prior.prediction)
        predicted = predict(noised, step, index, above, generator)
        return masked_loss(predicted.float(), wanted, None if weight is None else weight(index).to(device))

    return loss


def _edge_error(y: Tensor, x: Tensor) -> Tensor:
    """L1 of horizontal and vertical differences: without it a small autoencoder blurs lips and teeth."""
    difference = y - x
    return sum(torch.diff(difference, dim=dim).abs().mean() for dim in (-2, -1))  # type: ignore[return-value]


def _scaling_factor(prior: Prior, images: np.ndarray, device: torch.device) -> float:
    rows = np.linspace(0, len(images) - 1, min(len(images), 64)).astype(int)
    prior.vae.register_to_config(scaling_factor=1.0)
    with torch.no_grad():
        latents = prior.to_latents(to_tensor(images[rows]).to(device))
    return round(1.0 / float(latents.std()), 6)
