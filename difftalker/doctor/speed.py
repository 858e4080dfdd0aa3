"""How long the trainings will take here: a few steps of each, timed on made-up data."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from typing import Any

import torch

from difftalker.config import Params, TrainConfig
from difftalker.doctor.findings import Finding
from difftalker.models.bundled import BUNDLED
from difftalker.models.face import build_face
from difftalker.models.prior import Prior, build_small_prior
from difftalker.training.device import select_device
from difftalker.training.face import train_face
from difftalker.training.landmarks import train_landmarks
from difftalker.training.prior import train_unet, train_vae

Run = Callable[[TrainConfig], object]

_STEPS = 2  # timed
_LONG = 2 * 3600  # seconds


def training_time(params: Params) -> Finding:
    """Expected time of all trainings that the parameters ask for, from a few steps of each.

    Takes some seconds. Loading, encoding and evaluation are not in it.

    Raises:
        UserError: the device is not present, or the bundled prior is missing.
    """
    device = select_device(params.device)
    seconds = {title: config.steps * step_time(config, run) for title, config, run in trainings(params, device)}
    total = sum(seconds.values())
    parts = ", ".join(f"{title} {span(value)}" for title, value in seconds.items())
    text = f"about {span(total)} on {device.type} ({parts})"
    if total > _LONG:
        return Finding("training time", text, "warning", "use a GPU, or fewer steps in params.yaml")
    return Finding("training time", text)


def trainings(params: Params, device: torch.device) -> Iterator[tuple[str, TrainConfig, Run]]:
    """Title, configuration and a run on data drawn at random of every training that the parameters ask for."""
    generator = torch.Generator().manual_seed(0)
    size = params.video.size
    bundled = params.prior.source == "bundled" or params.prior.start == "bundled"
    prior = Prior.load(BUNDLED) if bundled else build_small_prior(params.prior, size)
    prior = prior.to(device)
    most = max(params.prior.vae.train.batch_size, params.prior.unet.train.batch_size)
    rows = max(most, params.landmarks.train.batch_size, params.face.train.batch_size, params.syncnet.train.batch_size)
    shape = (rows, prior.latent_channels, size // prior.reduction, size // prior.reduction)
    latents = torch.randn(shape, generator=generator).numpy()
    points = 0.2 + 0.6 * torch.rand(rows, 68, 2, generator=generator)
    features = torch.randn(rows, 16, 29, generator=generator)
    same: dict[str, Any] = {"seed": params.seed, "device": device, "checkpoint": None}

    if params.prior.source == "train":
        images = torch.randint(0, 256, (rows, size, size, 3), generator=generator, dtype=torch.uint8).numpy()
        yield "autoencoder", params.prior.vae.train, lambda config: train_vae(prior, images, config, **same)
        yield "prior", params.prior.unet.train, lambda config: train_unet(prior, latents, latents, config, **same)
    yield (
        "landmarks",
        params.landmarks.train,
        lambda config: train_landmarks(
            points, features, replace(params.landmarks, train=config), params.seed, device, None
        ),
    )
    network = build_face(prior.unet, prior.reduction, params.face)
    yield (
        "face",
        params.face.train,
        lambda config: train_face(
            network,
            prior,
            latents,
            latents,
            points.numpy(),
            features.numpy(),
            replace(params.face, train=config),
            **same,
        ),
    )


def step_time(config: TrainConfig, run: Run) -> float:
    """Seconds per optimiser step.

    Args:
        config: the training; its number of steps is replaced.
        run: trains with a configuration, set-up included.
    """

    def elapsed(steps: int) -> float:
        started = time.perf_counter()
        with redirect_stderr(io.StringIO()):  # progress lines
            run(replace(config, steps=steps))
        return time.perf_counter() - started

    elapsed(1)  # warms up
    short, long = elapsed(1), elapsed(1 + _STEPS)
    return max(long - short, 0.1 * long) / _STEPS  # the difference leaves the set-up out


def span(seconds: float) -> str:
    """'40 s', '12 min' or '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
