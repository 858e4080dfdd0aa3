"""Lip sync of one row, gathered batch by batch."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class SyncScorer(Protocol):
    """Scores the frames of one row against the sound of the test split."""

    def add(self, chosen: slice, images: np.ndarray) -> None:
        """Take in the frames `chosen`, (n, h, w, 3) uint8 RGB; batches come in order and never cross runs."""
        ...

    def distances(self) -> np.ndarray:
        """Mean embedding distance per shift of the sound, (31,), shift -15 first."""
        ...

    def means(self) -> dict[str, float]:
        """`lse_d`, `lse_c` and `sync_offset` in frames; empty where no run is long enough."""
        ...
