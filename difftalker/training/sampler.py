"""Batches of item indices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class BatchSampler:
    """Endless batches from shuffled epochs: every item once per epoch; a batch may span two epochs.

    Args:
        items: number of items, at least 1.
        batch_size: indices per batch.
        seed: seed of the shuffling.
    """

    def __init__(self, items: int, batch_size: int, seed: int) -> None:
        self.items = items
        self.batch_size = batch_size
        self._generator = torch.Generator().manual_seed(seed)
        self._queue = torch.empty(0, dtype=torch.int64)

    def next(self) -> Tensor:
        """The next batch: (batch_size,) int64 in [0, items)."""
        while len(self._queue) < self.batch_size:
            epoch = torch.randperm(self.items, generator=self._generator)
            self._queue = torch.cat([self._queue, epoch])
        batch, self._queue = self._queue[: self.batch_size], self._queue[self.batch_size :]
        return batch

    def state(self) -> dict[str, Any]:
        """All that decides the batches to come."""
        return {"queue": self._queue.clone(), "generator": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._queue = state["queue"]
        self._generator.set_state(state["generator"])
