"""Lip sync of one row, gathered batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from difftalker.evaluation.frame_table import FrameTable
from difftalker.media.wav import cut_sound, read_wav
from difftalker.sync.lse import SyncExpert


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


class NoSyncScorer:
    """Takes the place of a scorer where there is no expert or no sound."""

    def add(self, chosen: slice, images: np.ndarray) -> None:
        pass

    def distances(self) -> np.ndarray:
        return np.zeros(0)

    def means(self) -> dict[str, float]:
        return {}


def sound_embeddings(expert: SyncExpert, test: FrameTable, frames: Path, fps: float) -> list[np.ndarray]:
    """The expert's embeddings of the sound under each run of the test split, (windows, d) each.

    Args:
        expert: the sync expert.
        test: the test split.
        frames: folder of the recordings' frames, with `<recording>/audio/<clip>.wav`.
        fps: frames per second.
    """
    found = []
    for run in test.runs():
        samples = read_wav(frames / test.recording[run.start] / "audio" / f"{test.clip[run.start]}.wav")
        found.append(expert.embed_audio(cut_sound(samples, int(test.frame[run.start]), run.stop - run.start, fps)))
    return found
