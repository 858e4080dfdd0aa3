"""A reference row: the lower half as a linear function of what the face network is given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from difftalker.evaluation.baselines import PastedCrops
from difftalker.evaluation.frame_table import FrameTable
from difftalker.painting.diffusion.upper_face import composite
from difftalker.tables import iterate_images

_FRAMES = 8192  # of the training split, evenly spread, that are fitted at most
_UPPER = 32, 16  # pixels to which the upper half is reduced
_COMPONENTS = 64  # of them
_SIDE = 128  # pixels: larger crops are regressed at this width
_BATCH = 64  # frames added up at a time
_RIDGE = 0.02  # per frame, of standardised inputs


class RidgeRegression(PastedCrops):
    """Ridge regression from upper pixels and landmarks to lower pixels, in closed form.

    Inputs are the principal components of the upper half, reduced in size, and the coordinates of the landmarks, all
    standardised. Every lower pixel has weights of its own; they are added up over the training frames, so that memory
    does not grow with them.

    Args:
        train: the training split, with detected landmarks.
        landmarks: (n, 68, 2) that the test frames are made from, such as the completed ones.
        frames: folder of the recordings' frames.
    """

    def __init__(self, train: FrameTable, landmarks: np.ndarray, frames: str | Path) -> None:
        self._landmarks = landmarks
        chosen = np.arange(0, len(train), math.ceil(len(train) / _FRAMES))

        def crops() -> Iterator[np.ndarray]:
            for recording in train.recordings:
                rows = train.row[chosen[train.recording[chosen] == recording]]
                yield from iterate_images(Path(frames) / recording / "crops.parquet", rows)

        with tqdm(total=2 * len(chosen), desc="ridge regression", unit="frame", leave=False, mininterval=1.0) as bar:
            upper = []
            for image in crops():
                upper.append(_upper(image))
                bar.update()
            pixels = np.stack(upper)
            self._middle = pixels.mean(axis=0)
            spread, axes = np.linalg.eigh(np.cov(pixels - self._middle, rowvar=False))
            self._axes = axes[:, np.argsort(spread)[::-1][:_COMPONENTS]]
            inputs = self._inputs(pixels, train.landmarks[chosen])
            self._mean, self._scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
            inputs = (inputs - self._mean) / self._scale
            total, products, done, stream = np.zeros(1), np.zeros(1), 0, crops()
            while batch := [_lower(image) for image in islice(stream, _BATCH)]:
                total = total + np.sum(batch, axis=0)
                products = products + inputs[done : done + len(batch)].T @ np.stack(batch)
                done += len(batch)
                bar.update(len(batch))
        gram = inputs.T @ inputs + _RIDGE * len(inputs) * np.eye(inputs.shape[1])
        self._weights = np.linalg.solve(gram, products)
        self._mean_lower = total / len(inputs)

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        inputs = self._inputs(np.stack([_upper(image) for image in truth]), self._landmarks[chosen])
        size, side = truth.shape[1], min(truth.shape[1], _SIDE)
        lower = (inputs - self._mean) / self._scale @ self._weights + self._mean_lower
        result = truth.copy()
        for image, made in zip(result, lower.reshape(len(truth), -1, side, 3).clip(0, 255), strict=True):
            image[size // 2 :] = np.rint(cv2.resize(made, (size, size - size // 2)))
        return composite(truth, result)

    def _inputs(self, upper: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        return np.concatenate([(upper - self._middle) @ self._axes, landmarks.reshape(len(landmarks), -1)], axis=1)


def _upper(image: np.ndarray) -> np.ndarray:
    """The reduced upper half of a crop (h, w, 3) uint8: (1536,) float64."""
    reduced = cv2.resize(image[: len(image) // 2], _UPPER, interpolation=cv2.INTER_AREA)
    return reduced.astype(np.float64).reshape(-1)


def _lower(image: np.ndarray) -> np.ndarray:
    """The lower half of a crop at the width that is regressed, one row of float64."""
    side = min(len(image), _SIDE)
    lower = cv2.resize(image[len(image) // 2 :], (side, side - side // 2), interpolation=cv2.INTER_AREA)
    return lower.astype(np.float64).reshape(-1)
