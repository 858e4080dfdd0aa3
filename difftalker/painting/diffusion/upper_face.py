"""The upper half of a crop: what the network may see of it, and how it returns to the result."""

from __future__ import annotations

import numpy as np

FEATHER = 1 / 16  # of the crop's height, above the split: the source's lower half is never read


def upper_face(images: np.ndarray) -> np.ndarray:
    """The upper-face image: the lower half replaced by the mirrored upper half.

    The mirror leaks nothing of the mouth and keeps the rows next to the split natural for the autoencoder.

    Args:
        images: (..., h, w, 3) uint8, h even.
    """
    half = images.shape[-3] // 2
    upper = images[..., :half, :, :]
    return np.concatenate([upper, upper[..., ::-1, :, :]], axis=-3)


def generated_weight(height: int) -> np.ndarray:
    """How much of every row `composite` takes from the generated picture: (height, 1, 1) float32."""
    half, band = height // 2, round(height * FEATHER)
    weight = np.ones((height, 1, 1), np.float32)
    weight[: half - band] = 0
    weight[half - band : half, 0, 0] = (np.arange(band) + 0.5) / band
    return weight


def composite(source: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Source pixels above the split, generated ones below, blended in a band that ends at the split.

    Args:
        source, generated: (..., h, w, 3) uint8. Rows h/2 and below of `source` have no influence.

    Returns:
        (..., h, w, 3) uint8.
    """
    height = source.shape[-3]
    half = height // 2
    mixed = source + generated_weight(height) * (generated.astype(np.float32) - source)
    result = np.rint(mixed).astype(np.uint8)
    result[..., half:, :, :] = generated[..., half:, :, :]
    return result
