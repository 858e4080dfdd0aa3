"""Arithmetic on accelerators: bfloat16 where it is safe, float32 on the CPU."""

from __future__ import annotations

import torch


def autocast(device: torch.device) -> torch.autocast:
    """Context in which matrix products and convolutions run in bfloat16 on CUDA; does nothing elsewhere.

    Weights, sums, normalisations and losses stay in float32.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")
