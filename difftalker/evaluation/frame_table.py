"""The frames of one split, in the order of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.dataset.frames import Dataset, Split
from difftalker.errors import UserError
from difftalker.tables import read_images


@dataclass(frozen=True)
class FrameTable:
    """Columns of the dataset for n frames, and the run that each belongs to.

    Attributes:
        recording, clip: (n,) str.
        frame: (n,) int, number of the frame in its clip.
        time: (n,) float64, seconds in its clip.
        row: (n,) int, row in the recording's own tables.
        landmarks: (n, 68, 2) float32, divided by the crop size.
        features: (n, 16, 29) float32.
        region: (n, 4) float32, the face's region in crop pixels.
        run: (n,) int, rising; frames of one run follow each other in one clip without a hole.
    """

    recording: np.ndarray
    clip: np.ndarray
    frame: np.ndarray
    time: np.ndarray
    row: np.ndarray
    landmarks: np.ndarray
    features: np.ndarray
    region: np.ndarray
    run: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def keys(self) -> dict[str, np.ndarray]:
        """What names a frame in every table: recording, clip and frame."""
        return {"recording": self.recording, "clip": self.clip, "frame": self.frame}

    @property
    def recordings(self) -> list[str]:
        """Names in order of appearance."""
        return list(dict.fromkeys(self.recording.tolist()))

    def runs(self) -> Iterator[slice]:
        """The rows of each run."""
        for label in range(int(self.run[-1]) + 1 if len(self) else 0):
            start, end = np.searchsorted(self.run, [label, label + 1])
            yield slice(int(start), int(end))

    def batches(self, size: int) -> Iterator[slice]:
        """Up to `size` rows at a time, never across runs."""
        for run in self.runs():
            for start in range(run.start, run.stop, size):
                yield slice(start, min(start + size, run.stop))


def read_split(dataset: Dataset, split: Split) -> FrameTable:
    """The frames of a split.

    Raises:
        UserError: the split has no frames.
    """
    segments = dataset.segments(split)
    if not len(segments[0]):
        raise UserError(f"the dataset has no frame to {split} on; add footage or change split.test_fraction")
    index = np.concatenate(segments)
    columns = {
        name: getattr(dataset, name)[index]
        for name in ("recording", "clip", "frame", "time", "row", "landmarks", "features", "region")
    }
    return FrameTable(**columns, run=np.repeat(np.arange(len(segments)), [len(segment) for segment in segments]))


def read_row_crops(frames: str | Path, rows: FrameTable, chosen: slice) -> np.ndarray:
    """Read the face crops of some rows, all of one recording: (n, h, w, 3) uint8 RGB."""
    recording = rows.recording[chosen.start]
    return read_images(Path(frames) / recording / "crops.parquet", rows.row[chosen])
