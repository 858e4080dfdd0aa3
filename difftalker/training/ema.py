"""Exponential moving average of a model's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: parameters that require gradients, and all buffers (batch statistics)."""
    parameters = {name: value.data for name, value in model.named_parameters() if value.requires_grad}
    return parameters | dict(model.named_buffers())


class Ema:
    """Average of the trained parameters and floating-point buffers; other buffers are copied as they are.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that the initial weights fade out early.

    Args:
        model: the model to follow, where it is trained: its weights stay in the tensors that hold them now.
        decay: the final decay in [0, 1); 0 follows the model exactly.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        current = trained_tensors(model)
        self.average = {name: value.clone() for name, value in current.items()}
        pairs = [(average, current[name]) for name, average in self.average.items()]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        average = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))
        average([mean for mean, _ in self._averaged], [value for _, value in self._averaged], step)
        for kept, value in self._copied:
            kept.copy_(value)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Put the average into the model."""
        for name, value in trained_tensors(model).items():
            value.copy_(self.average[name])
