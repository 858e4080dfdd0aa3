"""The figures of one row of the results table, gathered frame by frame."""

from __future__ import annotations

import numpy as np

from difftalker.metrics.psnr import psnr
from difftalker.metrics.sharpness import mouth_region, sharpness
from difftalker.metrics.ssim import ssim


class FrameScores:
    """Image figures per frame.

    Attributes:
        values: for every metric a list with one value per frame so far. `psnr` in dB (infinite for equal images) and
            `ssim` (at most 1), both also on the lower half and on the whole frame after paste-back; `sharpness` and
            `sharpness_true` in grey levels squared.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {
            name: []
            for name in (
                *("psnr", "ssim", "psnr_lower", "ssim_lower", "psnr_frame", "ssim_frame"),
                *("sharpness", "sharpness_true"),
            )
        }

    def add_crop(self, truth: np.ndarray, image: np.ndarray, landmarks: np.ndarray) -> None:
        """Score one crop.

        Args:
            truth: (h, w, 3) uint8.
            image: of the same shape.
            landmarks: (68, 2) of the truth, divided by the crop size; they place the mouth.
        """
        half = truth.shape[0] // 2
        region = mouth_region(landmarks, *truth.shape[:2])
        self._add("psnr", psnr(truth, image))
        self._add("ssim", ssim(truth, image))
        self._add("psnr_lower", psnr(truth[half:], image[half:]))
        self._add("ssim_lower", ssim(truth[half:], image[half:]))
        self._add("sharpness", sharpness(image, region))
        self._add("sharpness_true", sharpness(truth, region))

    def add_frame(self, source: np.ndarray, pasted: np.ndarray) -> None:
        """Score one whole source frame (height, width, 3) against the frame with the image pasted back."""
        self._add("psnr_frame", psnr(source, pasted))
        self._add("ssim_frame", ssim(source, pasted))

    def means(self) -> dict[str, float]:
        """Means over the frames; `sharpness_ratio` is the ratio of the two means. Infinite PSNR is left out."""
        found = {name: float(np.mean(values)) for name, values in self.values.items() if values}
        found["sharpness_ratio"] = found.pop("sharpness") / max(found.pop("sharpness_true"), 1e-12)
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _add(self, name: str, value: float) -> None:
        self.values[name].append(value)
