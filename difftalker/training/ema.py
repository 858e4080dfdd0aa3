"""Exponential moving average of a model's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: parameters that require gradients, and all buffers (batch statistics)."""
    parameters = {name: value.data for name, value in model.named_parameters() if value.requires_grad}
    return parameters | dict(model.named_buffers())


class Ema:
    """Average of the trained parameters and floating-point buffers; other buffers are copied as they are.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that the initial weights fade out early.

    Args:
        model: the model to follow.
        decay: the final decay in [0, 1); 0 follows the model exactly.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.average = {name: value.clone() for name, value in trained_tensors(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        weight = 1.0 - min(self.decay, (1 + step) / (10 + step))
        current = trained_tensors(model)
        for name, average in self.average.items():
            if average.is_floating_point():
                average.lerp_(current[name], weight)
            else:
                average.copy_(current[name])

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Put the average into the model."""
        for name, value in trained_tensors(model).items():
            value.copy_(self.average[name])
