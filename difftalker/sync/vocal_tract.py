"""Vocal tract length perturbation (Jaitly and Hinton, 2013): the same words from a shorter or longer throat."""

from __future__ import annotations

import torch
from torch import Tensor


def warp_bands(rows: Tensor, factors: Tensor) -> Tensor:
    """Move the spectrum along the frequency axis, by linear interpolation between bands.

    Args:
        rows: log-mel energies (b, ..., bands), the lowest band first.
        factors: (b,); band k takes the value of place k * factor, so above 1 formants become lower. 1 changes nothing.

    Returns:
        (b, ..., bands); beyond the highest band its value goes on.
    """
    bands = rows.shape[-1]
    places = torch.arange(bands, device=rows.device) * factors[:, None].to(rows.device)  # (b, bands)
    places = places.clamp(max=bands - 1).view(len(rows), *[1] * (rows.ndim - 2), bands).expand(rows.shape)
    below = places.floor().long()
    above = (below + 1).clamp(max=bands - 1)
    share = (places - below).to(rows.dtype)
    return rows.gather(-1, below) * (1 - share) + rows.gather(-1, above) * share


def draw_factors(count: int, spread: float, generator: torch.Generator) -> Tensor:
    """`count` factors between 1 - spread and 1 + spread, on the CPU."""
    return 1 + spread * (2 * torch.rand(count, generator=generator) - 1)
