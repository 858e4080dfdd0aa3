"""The Parquet tables between the stages: schemas, streaming writer and readers.

One row is one video frame at the common frame rate. Rows are ordered by clip, then frame; the tables of one recording
have the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from difftalker.errors import UserError

ROW_GROUP = 128  # rows; a row group of 128-px PNG crops is about 4 MB

LANDMARKS_TYPE = pa.fixed_shape_tensor(pa.float32(), (68, 2))
AUDIO_TYPE = pa.fixed_shape_tensor(pa.float32(), (16, 29))

_KEY = [("clip", pa.string()), ("frame", pa.int32()), ("time", pa.float64())]

# Face crops; schema metadata: fps, size, codec, crop_scale.
CROPS_SCHEMA = pa.schema([*_KEY, ("image", pa.binary())])

# Similarity transform [a, b, tx, c, d, ty] from source pixels to crop pixels (pixel centres at integers), the source
# size, the face's region (centre x, y, side, angle; see difftalker.face.mediapipe.region) in crop pixels, and whether
# the mouth lies wholly in the lower half.
GEOMETRY_SCHEMA = pa.schema(
    [
        *_KEY,
        ("transform", pa.list_(pa.float64(), 6)),
        ("source_width", pa.int32()),
        ("source_height", pa.int32()),
        ("region", pa.list_(pa.float32(), 4)),
        ("valid", pa.bool_()),
    ]
)

# iBUG-68 points, x and y divided by the crop size.
LANDMARKS_SCHEMA = pa.schema(
    [*_KEY, ("landmarks", LANDMARKS_TYPE), ("score", pa.float32()), ("valid", pa.bool_()), ("interpolated", pa.bool_())]
)

AUDIO_SCHEMA = pa.schema([*_KEY, ("features", AUDIO_TYPE)])

# One row per frame of every recording. `row` is the row in the recording's own tables; `split` is one of
# train, test, gap (kept out around the boundary) and invalid.
DATASET_SCHEMA = pa.schema(
    [
        ("recording", pa.string()),
        *_KEY,
        ("row", pa.int32()),
        ("split", pa.string()),
        ("landmarks", LANDMARKS_TYPE),
        ("features", AUDIO_TYPE),
        ("region", pa.list_(pa.float32(), 4)),
    ]
)

_RECORDED = [("recording", pa.string()), *_KEY]

# What synthesis writes for the test split, in the order of the dataset: generated crops and completed landmarks.
GENERATED_SCHEMA = pa.schema([*_RECORDED, ("image", pa.binary())])
COMPLETED_SCHEMA = pa.schema([*_RECORDED, ("landmarks", LANDMARKS_TYPE)])


class TableWriter:
    """Write rows to a Parquet file one at a time, in row groups, so that memory does not grow with the footage.

    Use as a context manager on a temporary path (see `files.replacing`).

    Args:
        path: file to write.
        schema: one of the schemas above.
        metadata: strings added to the schema metadata (fps, size, codec, ...).
    """

    def __init__(self, path: str | Path, schema: pa.Schema, metadata: Mapping[str, str] | None = None) -> None:
        self.schema = schema.with_metadata(dict(metadata or {}))
        self._writer = pq.ParquetWriter(path, self.schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, **row: Any) -> None:
        """Add one row; tensor columns take arrays of the column's shape."""
        self._rows.append(row)
        if len(self._rows) == ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = {name: [row[name] for row in self._rows] for name in self.schema.names}
            self._writer.write_table(make_table(self.schema, columns))
            self._rows = []

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


def make_table(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    """Build a table of `schema` from sequences or arrays, tensor columns from arrays (rows, *shape)."""
    return pa.Table.from_arrays([_column(field, columns[field.name]) for field in schema], schema=schema)


def _column(field: pa.Field, values: Any) -> pa.Array:
    if isinstance(field.type, pa.FixedShapeTensorType):
        array = np.ascontiguousarray(np.asarray(values, dtype=np.float32).reshape(-1, *field.type.shape))
        storage = pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), int(np.prod(field.type.shape)))
        return pa.ExtensionArray.from_storage(field.type, storage)
    if pa.types.is_fixed_size_list(field.type):
        flat = pa.array(np.asarray(values).reshape(-1), type=field.type.value_type)
        return pa.FixedSizeListArray.from_arrays(flat, field.type.list_size)
    return pa.array(values, type=field.type)


def write_table(path: str | Path, data: pa.Table) -> None:
    """Write a whole table in the row groups of the contract."""
    pq.write_table(data, path, row_group_size=ROW_GROUP, compression="zstd")


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn what a missing or damaged table raises into one line; a damaged page is found only when it is read.

    Raises:
        UserError: the file is missing, is no Parquet file, or lacks a column.
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `dvc repro` to make it") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: not a readable Parquet file; delete it and run `dvc repro`") from None


def read_table(path: str | Path, columns: list[str] | None = None) -> pa.Table:
    """Read a whole table.

    Raises:
        UserError: the file is missing or is no Parquet file.
    """
    with readable(path):
        return pq.read_table(path, columns=columns)


def tensor_column(data: pa.Table, name: str) -> np.ndarray:
    """A fixed-shape column as an array: (rows, *shape), float32 (or the list's own type)."""
    column = data.column(name).combine_chunks()
    if isinstance(column.type, pa.FixedShapeTensorType):
        return column.to_numpy_ndarray() if len(column) else np.zeros((0, *column.type.shape), np.float32)
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)


def table_metadata(path: str | Path) -> dict[str, str]:
    """The schema metadata of a Parquet file as strings."""
    found = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in found.items() if key != b"ARROW:schema"}


def encode_image(image: np.ndarray, codec: str) -> bytes:
    """Encode an RGB image (h, w, 3) uint8 as PNG (fast, lossless) or JPEG (quality 95)."""
    extension, options = {
        "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 2]),
        "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95]),
    }[codec]
    done, data = cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"cannot encode an image of shape {image.shape} as {codec}")
    return data.tobytes()


def decode_image(data: bytes) -> np.ndarray:
    """Decode a PNG or JPEG to RGB (h, w, 3) uint8."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("not a PNG or JPEG image")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def iterate_images(path: str | Path, rows: Sequence[int] | np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Stream the images of a table, (h, w, 3) uint8 RGB, holding one row group at a time.

    Args:
        path: table with a column `image`.
        rows: which rows, ascending; all where absent.
    """
    with readable(path), pq.ParquetFile(path) as file:
        wanted = set(range(file.metadata.num_rows) if rows is None else (int(row) for row in rows))
        row = 0
        for index in range(file.num_row_groups):
            size = file.metadata.row_group(index).num_rows
            inside = [i for i in range(size) if row + i in wanted]
            if inside:
                values = file.read_row_group(index, columns=["image"]).column(0)
                for i in inside:
                    yield decode_image(values[i].as_buffer())
            row += size


def read_images(path: str | Path, rows: np.ndarray) -> np.ndarray:
    """Read some rows' images, in the given order: (n, h, w, 3) uint8 RGB. Opens only the row groups needed."""
    with readable(path), pq.ParquetFile(path) as file:
        starts = np.cumsum([0] + [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)])
        group = np.searchsorted(starts, rows, side="right") - 1
        images: dict[int, np.ndarray] = {}
        for index in np.unique(group):
            values = file.read_row_group(int(index), columns=["image"]).column(0)
            for row in np.unique(rows[group == index]):
                images[int(row)] = decode_image(values[int(row - starts[index])].as_buffer())
    return np.stack([images[int(row)] for row in rows])
