"""Reference rows: what the real film, the autoencoder alone and two simple baselines score.

Every row keeps the test frame's upper half, as the generator does, and differs in the lower half only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.spatial.distance import cdist
from tqdm import tqdm

from difftalker.evaluation.frame_table import FrameTable
from difftalker.face.paste import paste
from difftalker.painting.diffusion.upper_face import composite
from difftalker.tables import decode_image, encode_image, iterate_images

_CODED = 4  # images through the autoencoder at once: its layers at full resolution need most of the memory


class Autoencoder(Protocol):
    """The autoencoder of a prior."""

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Encode and decode crops (n, h, w, 3) uint8 RGB."""
        ...


class RowImages(Protocol):
    """Where the images of one row of the results table come from."""

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        """Crops of the test frames `chosen`, (n, h, w, 3) uint8 RGB; `truth` holds those of the ground truth."""
        ...

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        """The whole picture of test frame `index`, of the last frames that `images` was asked for.

        Args:
            index: of the frame.
            image: what `images` gave for it.
            picture: the source picture (height, width, 3) uint8 RGB.
            transform: (6,) from source to crop pixels.
        """
        ...


class PastedCrops:
    """A source that makes crops: its whole pictures are the source's with the lower half of the crop pasted back."""

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        return paste(picture, image, transform)


class GroundTruth:
    """The real film: the test crops themselves, and the source's pictures as they are."""

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return truth

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        return picture


class VaeReconstruction(PastedCrops):
    """The full crop through the autoencoder and back: the upper bound of any generator in its latent space."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        self._autoencoder = autoencoder

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        parts = [truth[start : start + _CODED] for start in range(0, len(truth), _CODED)]
        return composite(truth, np.concatenate([self._autoencoder.reconstruct(part) for part in parts]))


class MeanMouth(PastedCrops):
    """The mean of the training crops under every test frame's upper half."""

    def __init__(self, train: FrameTable, frames: str | Path) -> None:
        total, self.landmarks = np.zeros(1), train.landmarks.mean(axis=0)
        for recording in tqdm(train.recordings, desc="mean mouth", unit="recording", leave=False):
            rows = train.row[train.recording == recording]
            for image in iterate_images(Path(frames) / recording / "crops.parquet", rows):
                total = total + image
        self._mean = np.rint(total / len(train)).astype(np.uint8)

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return composite(truth, np.broadcast_to(self._mean, truth.shape))


class NearestAudio(PastedCrops):
    """The training frame whose audio window is nearest in L2, under the test frame's upper half.

    Attributes:
        index: (n,) for every test frame, the row among the training rows; the first of equals.
        landmarks: (n, 68, 2), those frames' landmarks.
    """

    def __init__(self, train: FrameTable, test: FrameTable, frames: str | Path) -> None:
        windows = train.features.reshape(len(train), -1)
        wanted = test.features.reshape(len(test), -1)
        parts = [cdist(wanted[i : i + 256], windows).argmin(axis=1) for i in range(0, len(wanted), 256)]
        self.index = np.concatenate(parts)
        self.landmarks = train.landmarks[self.index]
        self._images: dict[int, bytes] = {}  # encoded: a minute of 512-px frames stays below half a gigabyte
        for recording in train.recordings:
            chosen = [int(i) for i in np.unique(self.index) if train.recording[i] == recording]
            images = iterate_images(Path(frames) / recording / "crops.parquet", train.row[chosen])
            self._images |= {i: encode_image(image, "png") for i, image in zip(chosen, images, strict=True)}

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return composite(truth, np.stack([decode_image(self._images[int(i)]) for i in self.index[chosen]]))
