from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from difftalker.completion.landmark_file import read_completed, write_completed
from difftalker.errors import UserError

COUNT = 7


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).uniform(0.1, 0.9, (COUNT, 68, 2)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path, points: np.ndarray) -> Path:
    write_completed(tmp_path / "points.parquet", points, 25.0, "anna", "speech")
    return tmp_path / "points.parquet"


def rewrite(path: Path, name: str, column: pa.Array) -> None:
    data = pq.read_table(path)
    pq.write_table(data.set_column(data.column_names.index(name), name, column), path)


def test_written_and_read_again(path: Path, points: np.ndarray) -> None:
    np.testing.assert_array_equal(read_completed(path, COUNT), points)
    data = pq.read_table(path)
    assert data.column("time").to_pylist() == pytest.approx([i / 25 for i in range(COUNT)])
    assert set(data.column("recording").to_pylist()) == {"anna"} and set(data.column("clip").to_pylist()) == {"speech"}


def test_edited_with_pandas(path: Path, points: np.ndarray) -> None:
    frame = pq.read_table(path).to_pandas()
    edited = np.array(frame["landmarks"].tolist()).reshape(COUNT, 68, 2)
    edited[3, 62, 1] -= 0.05
    frame["landmarks"] = list(edited.reshape(COUNT, -1))
    frame.to_parquet(path)
    points[3, 62, 1] -= np.float32(0.05)
    np.testing.assert_allclose(read_completed(path, COUNT), points, atol=1e-6)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float64())),
        pa.list_(pa.list_(pa.float32(), 2), 68),
        pa.large_list(pa.list_(pa.float32(), 2)),
    ],
)
def test_lists_of_pairs(path: Path, points: np.ndarray, kind: pa.DataType) -> None:
    rewrite(path, "landmarks", pa.array(points.tolist(), type=kind))
    np.testing.assert_array_equal(read_completed(path, COUNT), points)


def lists(change: Callable[[list], None]) -> Callable[[np.ndarray], pa.Array]:
    def make(points: np.ndarray) -> pa.Array:
        values = points.reshape(COUNT, -1).tolist()
        change(values)
        return pa.array(values, type=pa.list_(pa.float64()))

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lists(lambda rows: rows[4].__setitem__(125, float("nan"))), "row 4, column landmarks: y of point 62 is nan"),
        (lists(lambda rows: rows[4].__setitem__(124, None)), "row 4, column landmarks: x of point 62 is nan"),
        (lists(lambda rows: rows[0].__setitem__(0, 64.0)), "row 0, column landmarks: x of point 0 is 64"),
        (lists(lambda rows: rows[6].__setitem__(1, float("-inf"))), "row 6, column landmarks: y of point 0 is -inf"),
        (lists(lambda rows: rows[2].pop()), "row 2, column landmarks: has 135 numbers"),
        (lists(lambda rows: rows.__setitem__(5, None)), "row 5, column landmarks: is empty"),
        (lambda points: pa.array(["a"] * COUNT), "row 0, column landmarks: has 1 numbers"),
        (lambda points: pa.array([["a"] * 136] * COUNT), "column landmarks: holds string"),
    ],
)
def test_wrong_values_are_named(
    path: Path, points: np.ndarray, make: Callable[[np.ndarray], pa.Array], message: str
) -> None:
    rewrite(path, "landmarks", make(points))
    with pytest.raises(UserError, match=f"{path}: .*{message}") as caught:
        read_completed(path, COUNT)
    assert "\n" not in str(caught.value)


def test_other_number_of_rows(path: Path) -> None:
    with pytest.raises(UserError, match=r"points.parquet: has 7 rows where the sound has 8 frames"):
        read_completed(path, 8)


def test_rows_out_of_order(path: Path) -> None:
    rewrite(path, "frame", pa.array([0, 1, 3, 2, 4, 5, 6]))
    with pytest.raises(UserError, match="row 2, column frame: is 3, not 2"):
        read_completed(path, COUNT)


@pytest.mark.parametrize("name", ["frame", "landmarks"])
def test_missing_column(path: Path, name: str) -> None:
    pq.write_table(pq.read_table(path).drop_columns([name]), path)
    with pytest.raises(UserError, match=f"has no column '{name}'"):
        read_completed(path, COUNT)


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.parquet: no such file"):
        read_completed(tmp_path / "none.parquet", 1)
    (tmp_path / "text.parquet").write_text("not a table")
    with pytest.raises(UserError, match=r"text.parquet: not a readable Parquet file"):
        read_completed(tmp_path / "text.parquet", 1)
    with pytest.raises(UserError, match="not a readable Parquet file"):
        read_completed(tmp_path, 1)
