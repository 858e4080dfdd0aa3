"""Where and how networks compute: the device, its precision, batches on their way to it, seeds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from difftalker.config import Device
from difftalker.errors import UserError


def select_device(name: Device) -> torch.device:
    """The device of that name; `auto` takes the first present of CUDA, MPS and CPU.

    Raises:
        UserError: the named device is not present.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in present.items() if found))
    if not present[name]:
        found = ", ".join(kind for kind, is_there in present.items() if is_there)
        raise UserError(f"device = {name}: not present on this machine (found: {found}); set device: auto")
    return torch.device(name)


def autocast(device: torch.device) -> torch.autocast:
    """Context in which matrix products and convolutions run in bfloat16 on CUDA; does nothing elsewhere.

    Weights, sums, normalisations and losses stay in float32.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")


@cache
def _multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16 (AMX, AVX-512 BF16), as Linux says."""
    try:
        return not {"amx_bf16", "avx512_bf16"}.isdisjoint(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False


def convolution_autocast(device: torch.device) -> torch.autocast:
    """`autocast` for many wide convolutions: in bfloat16 on CPUs that multiply it, too, in about half the time.

    Networks of many small operations gain nothing there.
    """
    enabled = device.type == "cuda" or (device.type == "cpu" and _multiplies_bfloat16())
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def to_device(batch: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """Copy a batch to a device; to CUDA from pinned memory and without waiting for it.

    The pinned copy comes from torch's cache of pinned blocks, which takes a block back only when the copy is done.

    Args:
        batch: on the CPU; floating-point kinds stay as they are, so cached float16 latents travel as such.
        device: where to.
    """
    tensor = torch.from_numpy(batch) if isinstance(batch, np.ndarray) else batch
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from the global generators as `seed` says, by deterministic algorithms; the old state comes back after.

    Build a model inside, so that its initial weights depend on the seed alone.
    """
    # A GPU that is not in use yet has no state to keep, and asking for it would take memory on every GPU.
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
    was_deterministic = torch.are_deterministic_algorithms_enabled()
    was_filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        # On accelerators some operations have no deterministic form: those only warn.
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, never read
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was_deterministic)
            torch.utils.deterministic.fill_uninitialized_memory = was_filling  # type: ignore[attr-defined]
