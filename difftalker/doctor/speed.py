"""How long the trainings will take here: a few steps of each, timed on made-up data."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from difftalker.completion.training import train_landmarks
from difftalker.compute.device import select_device
from difftalker.config import Params, TrainConfig
from difftalker.doctor.findings import Finding
from difftalker.media.wav import AUDIO_RATE
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.decoder.training import train_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.painting.diffusion.prior_training import train_unet
from difftalker.painting.diffusion.training import train_face
from difftalker.sync.network import LIPS_HEIGHT, LIPS_WIDTH, levelled_log_mel
from difftalker.sync.training import TrainingRun, train_syncnet
from difftalker.training.loop import TrainingOptions

TrialTraining = Callable[[TrainConfig], object]

_STEPS = 2  # timed
_LONG = 2 * 3600  # seconds


def training_time(params: Params) -> Finding:
    """Expected time of all trainings that the parameters ask for, from a few steps of each.

    Takes some seconds. Loading, encoding and evaluation are not in it.

    Raises:
        UserError: the device is not present.
    """
    device = select_device(params.device)
    seconds = {title: config.steps * step_time(config, run) for title, config, run in trainings(params, device)}
    total = sum(seconds.values())
    parts = ", ".join(f"{title} {duration_in_words(value)}" for title, value in seconds.items())
    text = f"about {duration_in_words(total)} on {device.type} ({parts})"
    if params.prior.source == "huggingface":
        text += "; the face comes on top, see docs/gpu.md"
    if total > _LONG:
        return Finding("training time", text, "warning", "use a GPU, or fewer steps in params.yaml")
    return Finding("training time", text)


def trainings(params: Params, device: torch.device) -> Iterator[tuple[str, TrainConfig, TrialTraining]]:
    """Title, configuration and a run on data drawn at random of every training that the parameters ask for.

    But for the face on an imported prior, which is too large to be tried out.
    """
    generator = torch.Generator().manual_seed(0)
    groups = (params.prior.unet, params.landmarks, params.face, params.decoder)
    rows = max(group.train.batch_size for group in groups)
    points = 0.2 + 0.6 * torch.rand(rows, 68, 2, generator=generator)
    features = torch.randn(rows, 16, 29, generator=generator)
    runs = [np.arange(rows)]
    same: TrainingOptions = {"seed": params.seed, "device": device, "checkpoint": None}
    yield (
        "landmarks",
        params.landmarks.train,
        lambda config: train_landmarks(points, features, runs, replace(params.landmarks, train=config), **same),
    )
    if params.prior.source != "huggingface":
        yield from _painting(params, points, features, generator, same)
    if params.syncnet.source == "train":
        yield _listening(params, generator, same)


def _painting(
    params: Params, points: Tensor, features: Tensor, generator: torch.Generator, same: TrainingOptions
) -> Iterator[tuple[str, TrainConfig, TrialTraining]]:
    """Prior, face and reference decoder."""
    size, face, decoder = params.video.size, params.face, params.decoder
    prior = build_small_prior(params.prior, size).to(same["device"])
    side = size // prior.reduction
    latents = torch.randn(len(points), prior.latent_channels, side, side, generator=generator).numpy()
    yield "prior", params.prior.unet.train, lambda config: train_unet(prior, latents, latents, config, **same)
    network = FaceNetwork(
        prior.unet, prior.reduction, condition=face.condition, train_unet_decoder=face.train_unet_decoder
    )
    yield (
        "face",
        face.train,
        lambda config: train_face(
            network, prior, latents, latents, points.numpy(), features.numpy(), replace(face, train=config), **same
        ),
    )
    if face.decoder == "prior":
        return
    painter = ReferenceDecoder(size, decoder.references, decoder.width)
    crops = torch.randint(0, 256, (len(points), size, size, 3), generator=generator, dtype=torch.uint8).numpy()
    painter.set_references(crops[: decoder.references], points[: decoder.references].numpy())
    yield (
        "decoder",
        decoder.train,
        lambda config: train_decoder(
            painter, crops, crops[:, -painter.height :], points.numpy(), replace(decoder, train=config), **same
        ),
    )


def _listening(
    params: Params, generator: torch.Generator, same: TrainingOptions
) -> tuple[str, TrainConfig, TrialTraining]:
    """The sync expert."""
    fps = params.video.fps
    frames = params.syncnet.train.batch_size + 60  # every window has neighbours to be compared with
    pictures = torch.randint(0, 256, (frames, LIPS_HEIGHT, LIPS_WIDTH, 3), generator=generator, dtype=torch.uint8)
    noise = torch.randint(-9999, 9999, (round(frames / fps * AUDIO_RATE),), generator=generator, dtype=torch.int16)
    runs = [TrainingRun(pictures.permute(0, 3, 1, 2).contiguous(), torch.from_numpy(levelled_log_mel(noise.numpy())))]
    return "sync expert", params.syncnet.train, lambda config: train_syncnet(runs, fps, config, **same)


def step_time(config: TrainConfig, run: TrialTraining) -> float:
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


def duration_in_words(seconds: float) -> str:
    """'40 s', '12 min' or '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
