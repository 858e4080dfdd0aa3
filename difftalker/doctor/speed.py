"""How long the trainings will take here: a few steps of each, timed on made-up data."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace

import torch

from difftalker.config import Params, TrainConfig
from difftalker.doctor.findings import Finding
from difftalker.training.device import select_device
from difftalker.training.landmarks import train_landmarks

_STEPS = 4  # timed
_LONG = 2 * 3600  # seconds


def training_time(params: Params) -> Finding:
    """Expected time of all trainings that the parameters ask for, from a few steps of each.

    Takes some seconds. Loading, encoding and evaluation are not in it.
    """
    device = select_device(params.device)
    seconds = {
        "landmarks": params.landmarks.train.steps * step_time(params.landmarks.train, landmark_steps(params, device)),
    }
    total = sum(seconds.values())
    parts = ", ".join(f"{name} {span(value)}" for name, value in seconds.items())
    text = f"about {span(total)} on {device.type} ({parts})"
    if total > _LONG:
        return Finding("training time", text, "warning", "use a GPU, or fewer steps in params.yaml")
    return Finding("training time", text)


def step_time(config: TrainConfig, run: Callable[[TrainConfig], object]) -> float:
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
    short, long = (min(elapsed(steps) for _ in range(2)) for steps in (1, 1 + _STEPS))
    return max(long - short, 0.1 * long) / _STEPS  # the difference leaves the set-up out


def landmark_steps(params: Params, device: torch.device) -> Callable[[TrainConfig], object]:
    """Landmark completion on points and features drawn at random."""
    generator = torch.Generator().manual_seed(0)
    rows = params.landmarks.train.batch_size
    points = torch.rand(rows, 68, 2, generator=generator)
    features = torch.randn(rows, 16, 29, generator=generator)
    return lambda config: train_landmarks(
        points, features, replace(params.landmarks, train=config), params.seed, device, None
    )


def span(seconds: float) -> str:
    """'40 s', '12 min' or '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
