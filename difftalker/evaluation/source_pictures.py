"""The source pictures behind the test crops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from difftalker.errors import UserError
from difftalker.evaluation.frame_table import FrameTable
from difftalker.media.decode import decode_frames
from difftalker.media.probe import list_videos
from difftalker.tables import read_table, tensor_column


class PictureSource(Protocol):
    """Where whole source pictures come from."""

    def read(self, rows: FrameTable, chosen: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pictures (height, width, 3) uint8 RGB with their crop transforms (6,), for rows that follow each other."""
        ...


class SourcePictures:
    """Whole pictures of test frames, decoded once and in order, one at a time.

    Args:
        raw: folder of the recordings.
        frames: folder of their crops and geometry.
        fps: the common frame rate.
    """

    def __init__(self, raw: str | Path, frames: str | Path, fps: float) -> None:
        self._raw, self._frames, self._fps = Path(raw), Path(frames), fps
        self._open: tuple[str, str] | None = None
        self._pictures: Iterator[np.ndarray] = iter(())
        self._next = 0
        self._transforms: tuple[str, np.ndarray] | None = None

    def read(self, rows: FrameTable, chosen: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pictures (height, width, 3) uint8 RGB with their crop transforms (6,), for rows that follow each other.

        Raises:
            UserError: a clip is missing or shorter than when its crops were made.
        """
        recording, clip = rows.recording[chosen.start], rows.clip[chosen.start]
        transforms = self._geometry(recording)
        if self._open != (recording, clip) or rows.frame[chosen.start] < self._next:
            self._pictures, self._next = decode_frames(self._path(recording, clip), self._fps), 0
            self._open = (recording, clip)
        for row, frame in zip(rows.row[chosen], rows.frame[chosen], strict=True):
            yield self._advance(int(frame), f"{recording}/{clip}"), transforms[row]

    def transforms(self, rows: FrameTable) -> np.ndarray:
        """The crop transforms of all rows, (n, 6) float64."""
        return np.concatenate([self._geometry(rows.recording[run.start])[rows.row[run]] for run in rows.runs()])

    def _advance(self, frame: int, clip: str) -> np.ndarray:
        for picture in self._pictures:
            self._next += 1
            if self._next > frame:
                return picture
        raise UserError(f"{clip}: ends before frame {frame} of its crops; run `dvc repro` to extract them again")

    def _geometry(self, recording: str) -> np.ndarray:
        if self._transforms is None or self._transforms[0] != recording:
            data = read_table(self._frames / recording / "geometry.parquet", ["transform"])
            self._transforms = recording, tensor_column(data, "transform")
        return self._transforms[1]

    def _path(self, recording: str, clip: str) -> Path:
        for path in list_videos(self._raw / recording):
            if path.stem == clip:
                return path
        raise UserError(f"{self._raw / recording}: clip {clip} is missing; put the file back or run `dvc repro`")
