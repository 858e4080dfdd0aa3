"""Batches on their way to the accelerator."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


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
