"""The Parquet file of a dub's completed landmarks: written to be looked at and edited, checked when it comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from difftalker.errors import UserError
from difftalker.face.topology import POINTS
from difftalker.files import replacing
from difftalker.tables import COMPLETED_SCHEMA, make_table, write_table

COORDINATE_RANGE = (-1.0, 2.0)  # of coordinates over the crop size: a crop's width beyond every side

_VALUES = 2 * POINTS


def write_completed(path: str | Path, landmarks: np.ndarray, fps: float, recording: str, clip: str) -> None:
    """Write completed landmarks, one row a frame, schema COMPLETED.

    Args:
        path: the file; it is whole or absent.
        landmarks: (n, 68, 2), x and y over the crop size.
        fps: frames per second; row i has time i / fps.
        recording: the base video's name.
        clip: the sound's name.
    """
    count = len(landmarks)
    columns = {
        "recording": [recording] * count,
        "clip": [clip] * count,
        "frame": np.arange(count),
        "time": np.arange(count) / fps,
        "landmarks": landmarks,
    }
    with replacing(path) as partial:
        write_table(partial, make_table(COMPLETED_SCHEMA, columns).replace_schema_metadata({"fps": repr(fps)}))


def read_completed(path: str | Path, frames: int) -> np.ndarray:
    """Read landmarks that a person or another program may have edited.

    Needed are the columns `frame` and `landmarks`. The latter may be the tensor that `write_completed` writes, or lists
    of 136 numbers (x, y of point 0, x, y of point 1, ...) or of 68 pairs, as other tools write them.

    Args:
        path: the file.
        frames: how many rows there must be.

    Returns:
        (frames, 68, 2) float32.

    Raises:
        UserError: the file, a row or a value is wrong; the message names the row and the column.
    """
    path = Path(path)
    data = _read(path)
    for name in ("frame", "landmarks"):
        if name not in data.column_names:
            raise UserError(f"{path}: has no column {name!r}; keep the columns that `difftalker landmarks` wrote")
    if len(data) != frames:
        raise UserError(
            f"{path}: has {len(data)} rows where the sound has {frames} frames; keep one row per frame, "
            "or make the file again with this sound"
        )
    _check_frames(path, data.column("frame"))
    values = _numbers(path, data.column("landmarks").combine_chunks())
    low, high = COORDINATE_RANGE
    wrong = ~(np.isfinite(values) & (values >= low) & (values <= high))
    if wrong.any():
        row, place = (int(index) for index in np.argwhere(wrong)[0])
        raise UserError(
            f"{path}: row {row}, column landmarks: {'xy'[place % 2]} of point {place // 2} is {values[row, place]:g}; "
            f"give numbers from {low:g} to {high:g}, in crop sizes"
        )
    return values.reshape(-1, POINTS, 2).astype(np.float32)


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `difftalker landmarks --parquet {path}` makes one") from None
    except (pa.ArrowException, OSError):
        raise UserError(f"{path}: not a readable Parquet file; make it again with `difftalker landmarks`") from None


def _check_frames(path: Path, column: pa.ChunkedArray) -> None:
    found = column.to_pylist()
    for row, value in enumerate(found):
        if value != row:
            raise UserError(f"{path}: row {row}, column frame: is {value}, not {row}; keep the rows in order")


def _numbers(path: Path, column: pa.Array) -> np.ndarray:
    """The column as (n, 136) float64."""
    if isinstance(column.type, pa.FixedShapeTensorType):
        if list(column.type.shape) != [POINTS, 2]:
            raise UserError(f"{path}: column landmarks: has rows of shape {column.type.shape}; give ({POINTS}, 2)")
        column = column.storage
    _check_nulls(path, column)
    counts = np.ones(len(column), np.int64)  # numbers below every row, level by level
    while pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or _fixed(column.type):
        if _fixed(column.type):
            lengths = np.full(len(column), column.type.list_size)
        else:
            lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        starts = np.concatenate([[0], np.cumsum(counts)])
        counts = ends[starts[1:]] - ends[starts[:-1]]
        column = column.flatten()
    uneven = np.flatnonzero(counts != _VALUES)
    if len(uneven):
        raise UserError(
            f"{path}: row {uneven[0]}, column landmarks: has {counts[uneven[0]]} numbers; give {POINTS} pairs x, y"
        )
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise UserError(f"{path}: column landmarks: holds {column.type}; give numbers")
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, _VALUES)  # a missing number is nan


def _check_nulls(path: Path, column: pa.Array) -> None:
    missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
    if len(missing):
        raise UserError(f"{path}: row {missing[0]}, column landmarks: is empty; give {POINTS} pairs x, y")


def _fixed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(kind))
