"""Tables that are missing or damaged are named in one line, wherever the damage shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.tables import iterate_images, read_images
from tests.fuzz.tables import write_tables


def test_whole_tables_are_read(tmp_path: Path) -> None:
    write_tables(tmp_path)
    assert len(Dataset.load(tmp_path / "dataset.parquet").frame) == 20
    assert read_images(tmp_path / "crops.parquet", np.arange(3)).shape == (3, 32, 32, 3)


@pytest.mark.parametrize("damage", ["start", "page", "end", "missing"])
def test_damaged_tables_are_named(tmp_path: Path, damage: str) -> None:
    write_tables(tmp_path)
    for name in ("dataset.parquet", "crops.parquet"):
        path = tmp_path / name
        data = bytearray(path.read_bytes())
        if damage == "missing":
            path.unlink()
        else:
            middle = {"start": 0, "page": len(data) // 2, "end": len(data) - 8}[damage]
            data[middle : middle + 30] = bytes(30)
            path.write_bytes(data[:-1] if damage == "start" else data)
    said = "no such file" if damage == "missing" else "not a readable Parquet file"
    with pytest.raises(UserError, match=said):
        Dataset.load(tmp_path / "dataset.parquet")
    with pytest.raises(UserError, match=said):
        read_images(tmp_path / "crops.parquet", np.arange(20))
    with pytest.raises(UserError, match=said):
        list(iterate_images(tmp_path / "crops.parquet"))
