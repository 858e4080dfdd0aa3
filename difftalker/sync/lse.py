"""LSE-D and LSE-C: how well lips and sound agree, by a sync expert (protocol of joonson/syncnet_python).

An expert embeds every window of five frames and the sound of the same time. Of each video window the L2 distance to
the sound windows shifted by -15 to +15 frames is taken, with zero vectors beyond the ends; the distances are averaged
over the windows per shift. **LSE-D** is the smallest mean, **LSE-C** the median of the means less the smallest, and the
**offset** says how many frames the picture is later than the sound. T frames have the windows 0 to T - 6.

Distances have the scale of the expert: figures of different experts, or of different face crops, are not comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

LARGEST_SHIFT = 15  # frames to either side
WINDOW_FRAMES = 5  # frames


class SyncExpert(Protocol):
    """A network that embeds lips and sound in one space of d dimensions."""

    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        """Face crops (t, h, w, 3) uint8 RGB -> (t - 4, d) float32, one row per window of five frames."""
        ...

    def embed_audio(self, samples: np.ndarray) -> np.ndarray:
        """Sound (n,) int16 at 16 kHz -> (windows, d) float32; window v begins where frame v does."""
        ...


class SyncScore(NamedTuple):
    """LSE-D, LSE-C and the offset in frames (positive: the picture is late)."""

    lse_d: float
    lse_c: float
    offset: int


def sync_distances(video: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """Distances of every video window to the shifted sound windows.

    Args:
        video, audio: embeddings of one run of frames, (n, d) each.

    Returns:
        (n, 31) float64; column j is the distance to sound window v + j - 15.
    """
    padded = np.pad(audio.astype(np.float64), ((LARGEST_SHIFT, LARGEST_SHIFT), (0, 0)))
    shifted = (padded[shift : shift + len(video)] for shift in range(2 * LARGEST_SHIFT + 1))
    return np.stack([np.linalg.norm(video - other, axis=1) for other in shifted], axis=1)


def sync_score(curve: np.ndarray) -> SyncScore:
    """Score the mean distances per shift (31,)."""
    best = int(np.argmin(curve))
    return SyncScore(float(curve[best]), float(np.median(curve) - curve[best]), LARGEST_SHIFT - best)


class LseScorer:
    """Score frames that come batch by batch; windows of all runs count alike.

    Args:
        expert: embeds the frames.
        runs: the rows of each run of successive frames, in order.
        audio: the expert's embeddings of each run's sound, from its first frame on.
    """

    def __init__(self, expert: SyncExpert, runs: Sequence[slice], audio: Sequence[np.ndarray]) -> None:
        self._expert = expert
        self._runs = list(zip(runs, audio, strict=True))
        self._tail: np.ndarray | None = None  # the last frames of the batch before: windows cross batches
        self._video: list[np.ndarray] = []
        self._distances: list[np.ndarray] = []

    def add(self, chosen: slice, images: np.ndarray) -> None:
        """Take in the frames of rows `chosen`, (n, h, w, 3) uint8 RGB, in order and never across runs."""
        run, audio = next(pair for pair in self._runs if pair[0].start <= chosen.start < pair[0].stop)
        known = images if self._tail is None else np.concatenate([self._tail, images])
        if len(known) >= WINDOW_FRAMES:
            self._video.append(self._expert.embed_video(known))
        self._tail = known[-(WINDOW_FRAMES - 1) :]
        if chosen.stop == run.stop:
            windows = min(run.stop - run.start - WINDOW_FRAMES, len(audio))  # T - 5, the protocol's count
            if windows > 0:
                video = np.concatenate(self._video)[:windows]
                self._distances.append(sync_distances(video, audio[:windows]))
            self._tail, self._video = None, []

    def distances(self) -> np.ndarray:
        """Mean distance per shift of the sound, (31,), shift -15 first; empty where no run has six frames."""
        return np.concatenate(self._distances).mean(0) if self._distances else np.zeros(0)

    def means(self) -> dict[str, float]:
        """`lse_d`, `lse_c` and `sync_offset`; empty where no run has six frames."""
        if not self._distances:
            return {}
        score = sync_score(self.distances())
        return {"lse_d": score.lse_d, "lse_c": score.lse_c, "sync_offset": score.offset}
