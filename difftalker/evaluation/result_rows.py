"""The rows of the results table: what is generated, and the references beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from difftalker.errors import UserError
from difftalker.evaluation.baselines import (
    Autoencoder,
    GroundTruth,
    MeanMouth,
    NearestAudio,
    PastedCrops,
    RowImages,
    VaeReconstruction,
)
from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.ridge_baseline import RidgeRegression
from difftalker.tables import read_images, read_table, tensor_column


class GeneratedFrames(PastedCrops):
    """Generated frames and completed landmarks of the test split.

    Args:
        folder: with `frames.parquet` and `landmarks.parquet`.
        test: the test split.

    Attributes:
        landmarks: (n, 68, 2) completed landmarks, divided by the crop size.

    Raises:
        UserError: a table is missing or its frames are not those of the test split.
    """

    def __init__(self, folder: Path, test: FrameTable) -> None:
        self._path = folder / "frames.parquet"
        for path in (self._path, folder / "landmarks.parquet"):
            keys = read_table(path, list(test.keys))
            if any(not np.array_equal(keys.column(name).to_numpy(), wanted) for name, wanted in test.keys.items()):
                raise UserError(f"{path}: its frames are not the dataset's test split; run `dvc repro synthesise`")
        self.landmarks = tensor_column(read_table(folder / "landmarks.parquet"), "landmarks")

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return read_images(self._path, np.arange(chosen.start, chosen.stop))


def make_result_rows(
    synthesis: Path, train: FrameTable, test: FrameTable, frames: Path, prior: Autoencoder
) -> tuple[dict[str, RowImages], dict[str, np.ndarray]]:
    """Where the images of every row come from, and the landmarks of those rows that predict them.

    Args:
        synthesis: folder that the stage `synthesise` wrote.
        train: the training split, which the baselines draw on.
        test: the test split, n frames.
        frames: folder of the recordings' frames.
        prior: its autoencoder is the upper bound.

    Returns:
        Name -> source, in the order of the table; name -> (n, 68, 2) landmarks, divided by the crop size.

    Raises:
        UserError: the folder is incomplete, or its frames are not those of the test split.
    """
    generated = GeneratedFrames(synthesis, test)
    mean, nearest = MeanMouth(train, frames), NearestAudio(train, test, frames)
    sources: dict[str, RowImages] = {
        "generated": generated,
        "ground_truth": GroundTruth(),
        "vae_reconstruction": VaeReconstruction(prior),
        "mean_mouth": mean,
        "nearest_audio": nearest,
        "ridge_regression": RidgeRegression(train, generated.landmarks, frames),
    }
    predicted = {
        "generated": generated.landmarks,
        "mean_mouth": np.broadcast_to(mean.landmarks, test.landmarks.shape),
        "nearest_audio": nearest.landmarks,
    }
    return sources, predicted
