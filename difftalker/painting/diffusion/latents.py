"""Latents of frames and of their upper-face images, encoded once by the frozen autoencoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from difftalker.errors import UserError
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.upper_face import upper_face

_BATCH = 16
_PIXELS = 2**20  # of a batch: larger crops go in smaller batches, whose memory a large autoencoder multiplies by 3,000
_FILES = ("full.npy", "upper.npy")


def write_latents(prior: Prior, frames: Iterable[np.ndarray], count: int, folder: Path) -> None:
    """Encode frames to `full.npy` and `upper.npy` (upper-face images): (count, c, h, w) float16 each.

    Args:
        prior: its autoencoder encodes.
        frames: crops (h, w, 3) uint8 RGB, streamed: memory does not grow with their number.
        count: how many there are.
        folder: an existing folder to write to.
    """
    files: list[np.memmap] = []
    done = 0
    for images in _batches(frames):
        pair = [prior.encode(images), prior.encode(upper_face(images))]
        if not files:
            files = [open_memmap(folder / name, "w+", np.float16, (count, *pair[0].shape[1:])) for name in _FILES]
        for file, latents in zip(files, pair, strict=True):
            file[done : done + len(images)] = latents
        done += len(images)
    for file in files:
        file.flush()


def read_latents(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Memory maps of the full frames' and the upper-face images' latents: (n, c, h, w) float16.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        full, upper = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in _FILES)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: latents cannot be read ({error}); run `dvc repro encode_latents`") from None
    return full, upper


def _batches(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == max(1, min(_BATCH, _PIXELS // (frame.shape[0] * frame.shape[1]))):
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
