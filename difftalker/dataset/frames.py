"""The dataset: every frame of every recording with landmarks, audio features and its part of the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from difftalker.dataset.split import split_recording
from difftalker.errors import UserError
from difftalker.tables import (
    DATASET_SCHEMA,
    make_table,
    read_images,
    read_table,
    readable,
    table_metadata,
    tensor_column,
)

Split = Literal["train", "test"]
MINIMUM_FRAMES = {"train": 16, "test": 6}  # frames; the sync expert alone looks at five at once


@dataclass(frozen=True)
class RecordingTables:
    """The tables of one recording."""

    recording: str
    geometry: Path
    landmarks: Path
    audio: Path


def build_dataset(sources: Sequence[RecordingTables], test_fraction: float, fps: float) -> pa.Table:
    """Join the recordings' tables and split each recording.

    Args:
        sources: the recordings, in the order of the result.
        test_fraction: share of each recording's valid frames to test on, in (0, 1).
        fps: frames per second, kept in the schema metadata.

    Returns:
        A table of schema `DATASET_SCHEMA`.

    Raises:
        UserError: a table is missing, the tables of a recording have different rows, a recording has no frame with
            a usable face, or too few frames are left to train or to test on.
    """
    joined = pa.concat_tables([_join(source, test_fraction, fps) for source in sources])
    split = joined.column("split").to_numpy()
    for part, minimum in MINIMUM_FRAMES.items():
        found = int((split == part).sum())
        if found < minimum:
            raise UserError(
                f"split.test_fraction = {test_fraction:g} leaves {found} usable frames to {part} on "
                f"({minimum} are needed); add footage or change the fraction"
            )
    return joined.replace_schema_metadata({"fps": f"{fps:g}"})


def _join(source: RecordingTables, test_fraction: float, fps: float) -> pa.Table:
    geometry, landmarks, audio = (read_table(path) for path in (source.geometry, source.landmarks, source.audio))
    for name, other in ((source.landmarks, landmarks), (source.audio, audio)):
        if not all(geometry.column(key).equals(other.column(key)) for key in ("clip", "frame")):
            raise UserError(f"{name}: its rows are not those of {source.geometry}; run `dvc repro` to make both again")
    points, features = tensor_column(landmarks, "landmarks"), tensor_column(audio, "features")
    valid = geometry.column("valid").to_numpy() & landmarks.column("valid").to_numpy()
    valid &= np.isfinite(points).all((1, 2)) & np.isfinite(features).all((1, 2))
    if not valid.any():
        raise UserError(
            f"recording {source.recording}: no frame has a usable face; see `difftalker doctor {source.recording}`"
        )
    clip = geometry.column("clip").to_numpy()
    columns = {key: geometry.column(key).combine_chunks() for key in ("clip", "frame", "time")}
    columns |= {
        "recording": [source.recording] * len(geometry),
        "row": np.arange(len(geometry), dtype=np.int32),
        "split": split_recording(clip, valid, test_fraction, fps),
        "landmarks": points,
        "features": features,
        "region": tensor_column(geometry, "region"),
    }
    return make_table(DATASET_SCHEMA, columns)


@dataclass(frozen=True)
class Dataset:
    """The dataset in memory; n frames.

    Attributes:
        recording, clip: names, (n,) str.
        frame: frame number in the clip, (n,) int32.
        time: seconds from the clip's start, (n,) float64.
        row: row in the recording's own tables, (n,) int32.
        split: `train`, `test`, `gap` or `invalid`, (n,) str.
        landmarks: iBUG-68 points divided by the crop size, (n, 68, 2) float32; without meaning where invalid.
        features: audio features, (n, 16, 29) float32.
        region: the face's region in crop pixels, (n, 4) float32.
        fps: frames per second.
    """

    recording: np.ndarray
    clip: np.ndarray
    frame: np.ndarray
    time: np.ndarray
    row: np.ndarray
    split: np.ndarray
    landmarks: np.ndarray
    features: np.ndarray
    region: np.ndarray
    fps: float

    @classmethod
    def load(cls, path: str | Path) -> Dataset:
        """Read a dataset table.

        Raises:
            UserError: the file is missing or is no Parquet file.
        """
        data = read_table(path)
        with readable(path):
            return cls._of(data, path)

    @classmethod
    def _of(cls, data: pa.Table, path: str | Path) -> Dataset:
        plain = {name: data.column(name).to_numpy() for name in ("recording", "clip", "frame", "time", "row", "split")}
        tensors = {name: tensor_column(data, name) for name in ("landmarks", "features", "region")}
        return cls(**plain, **tensors, fps=float(table_metadata(path)["fps"]))

    def rows(self, split: Split) -> np.ndarray:
        """Indices of the frames of a part, ascending, int64."""
        return np.flatnonzero(self.split == split)

    def segments(self, split: Split) -> list[np.ndarray]:
        """Runs of frames of a part that follow each other in one clip: indices as in `rows`, cut at every break."""
        rows = self.rows(split)
        here, before = rows[1:], rows[:-1]
        same = (self.recording[here] == self.recording[before]) & (self.clip[here] == self.clip[before])
        return np.split(rows, np.flatnonzero(~(same & (self.frame[here] == self.frame[before] + 1))) + 1)

    def read_crops(self, rows: np.ndarray, frames: Path) -> np.ndarray:
        """Face crops of some frames.

        Args:
            rows: indices of the frames, ascending.
            frames: folder with `<recording>/crops.parquet`.

        Returns:
            (len(rows), size, size, 3) uint8 RGB.
        """
        recordings = self.recording[rows]
        return np.concatenate(
            [
                read_images(frames / name / "crops.parquet", self.row[rows[recordings == name]])
                for name in dict.fromkeys(recordings)
            ]
        )

    def find(self, recording: str, clip: str, frames: np.ndarray) -> np.ndarray:
        """Where frames (n,) of a clip are in the dataset; -1 where they have no usable face."""
        inside = np.flatnonzero((self.recording == recording) & (self.clip == clip))
        at = np.searchsorted(self.frame[inside], frames)
        there = at < len(inside)
        found = np.where(there, inside[np.minimum(at, len(inside) - 1)], -1)
        usable = there & (self.frame[found] == frames) & (self.split[found] != "invalid")
        return np.where(usable, found, -1)
