"""The folder that the stage `synthesise` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from difftalker.errors import UserError
from difftalker.evaluation.baselines import PastedBack
from difftalker.evaluation.rows import Rows
from difftalker.tables import read_images, read_table, tensor


class Generated(PastedBack):
    """Generated frames and completed landmarks of the test split.

    Args:
        folder: with `frames.parquet` and `landmarks.parquet`.
        test: the test split.

    Attributes:
        landmarks: (n, 68, 2) completed landmarks, divided by the crop size.

    Raises:
        UserError: a table is missing or its frames are not those of the test split.
    """

    def __init__(self, folder: Path, test: Rows) -> None:
        self._path = folder / "frames.parquet"
        for path in (self._path, folder / "landmarks.parquet"):
            keys = read_table(path, list(test.keys))
            if any(not np.array_equal(keys.column(name).to_numpy(), wanted) for name, wanted in test.keys.items()):
                raise UserError(f"{path}: its frames are not the dataset's test split; run `dvc repro synthesise`")
        self.landmarks = tensor(read_table(folder / "landmarks.parquet"), "landmarks")

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return read_images(self._path, np.arange(chosen.start, chosen.stop))
