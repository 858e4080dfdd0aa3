"""The figures of one row of the results table, gathered frame by frame."""

from __future__ import annotations

import numpy as np

from difftalker.evaluation.place import Place
from difftalker.metrics.blocks import Gradients, block_gradients, block_ratio
from difftalker.metrics.flicker import second_difference
from difftalker.metrics.psnr import psnr, psnr_inside
from difftalker.metrics.sharpness import sharpness
from difftalker.metrics.ssim import ssim, ssim_inside

_RATIOS = ("sharpness", "flicker")  # of means, over the truth's


class FrameScores:
    """Image figures per frame.

    Attributes:
        values: for every metric a list with one value per frame so far. `psnr` in dB (infinite for equal images) and
            `ssim` (at most 1): of the crop, of its lower half, of the whole picture, and in the picture's own pixels
            inside the jaw and around the mouth. `sharpness` and `flicker`, in grey levels, with the truth's beside
            them; flicker is NaN in the first two frames of a run.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {
            name: []
            for name in (
                *("psnr", "ssim", "psnr_lower", "ssim_lower", "psnr_frame", "ssim_frame"),
                *("psnr_jaw", "ssim_jaw", "psnr_mouth", "ssim_mouth"),
                *("sharpness", "sharpness_true", "flicker", "flicker_true"),
            )
        }
        self._blocks: list[Gradients] = []
        self._before: list[tuple[int, np.ndarray, np.ndarray, Place]] = []  # up to two frames of the run

    def add_crop(self, truth: np.ndarray, image: np.ndarray, place: Place) -> None:
        """Score one crop.

        Args:
            truth: (h, w, 3) uint8.
            image: of the same shape.
            place: of the real face.
        """
        half = truth.shape[0] // 2
        self._add("psnr", psnr(truth, image))
        self._add("ssim", ssim(truth, image))
        self._add("psnr_lower", psnr(truth[half:], image[half:]))
        self._add("ssim_lower", ssim(truth[half:], image[half:]))
        self._blocks.append(block_gradients(image, place.crop_jaw))

    def add_frame(self, truth: np.ndarray, picture: np.ndarray, place: Place, run: int) -> None:
        """Score one whole picture, in order.

        Args:
            truth: the source's, (height, width, 3) uint8.
            picture: of the same shape.
            place: of the real face.
            run: label of the run of successive frames that it belongs to.
        """
        self._add("psnr_frame", psnr(truth, picture))
        self._add("ssim_frame", ssim(truth, picture))
        self._add("psnr_jaw", psnr_inside(truth, picture, place.jaw))
        self._add("ssim_jaw", ssim_inside(truth, picture, place.jaw))
        x0, y0, x1, y1 = place.mouth
        mouth = np.zeros_like(place.jaw)
        mouth[y0:y1, x0:x1] = True
        self._add("psnr_mouth", psnr_inside(truth, picture, mouth))
        self._add("ssim_mouth", ssim_inside(truth, picture, mouth))
        self._add("sharpness", sharpness(picture, place.mouth))
        self._add("sharpness_true", sharpness(truth, place.mouth))
        self._flicker(truth, picture, place, run)

    def means(self) -> dict[str, float]:
        """Means over the frames; ratios are those of two means. What is infinite or was never measured is left out."""
        found = {name: _mean(values) for name, values in self.values.items()}
        for name in _RATIOS:
            found[f"{name}_ratio"] = found.pop(name) / max(found.pop(f"{name}_true"), 1e-12)
        if self._blocks:
            found["block_ratio"] = block_ratio(self._blocks)
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _flicker(self, truth: np.ndarray, picture: np.ndarray, place: Place, run: int) -> None:
        self._before = [frame for frame in self._before if frame[0] == run][-2:]
        if len(self._before) == 2:
            (_, *first, _), (_, *middle, inside) = self._before
            self._add("flicker_true", second_difference(first[0], middle[0], truth, inside.jaw))
            self._add("flicker", second_difference(first[1], middle[1], picture, inside.jaw))
        else:
            self._add("flicker_true", float("nan"))
            self._add("flicker", float("nan"))
        self._before.append((run, truth, picture, place))

    def _add(self, name: str, value: float) -> None:
        self.values[name].append(value)


def _mean(values: list[float]) -> float:
    known = np.array(values)[~np.isnan(values)] if values else np.zeros(0)
    return float(known.mean()) if len(known) else float("nan")
