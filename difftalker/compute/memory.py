"""Out of memory: what to change in params.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from difftalker.config import TrainConfig
from difftalker.errors import UserError


@contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Turn torch's out-of-memory errors of the body into a `UserError` that ends in `advice`."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(f"out of memory on the GPU ({_first_sentence(error)}); {advice}") from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):  # the CPU's allocator has no error of its own
            raise
        raise UserError(f"out of memory; {advice}") from None


def training_advice(title: str, config: TrainConfig) -> str:
    """Which keys of a training to change, the one that leaves the result alone first.

    Args:
        title: the network: its group in params.yaml.
        config: its training.
    """
    group = "prior.unet.train" if title == "prior" else f"{title}.train"
    ways = []
    if config.batch_size > 1:
        half, passes = config.batch_size // 2, config.accumulate * 2
        ways.append(
            f"lower {group}.batch_size (now {config.batch_size}) to {half} and set {group}.accumulate to {passes}"
        )
    if not config.gradient_checkpointing and title in ("face", "prior"):
        ways.append(f"set {group}.gradient_checkpointing: true")
    ways.append("lower video.size")
    return f"in params.yaml, {', or '.join(ways)}; the last checkpoint is kept"


def _first_sentence(error: BaseException) -> str:
    return str(error).strip().split(". ")[0].splitlines()[0].rstrip(".")
