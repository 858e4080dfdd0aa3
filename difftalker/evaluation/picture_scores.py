"""The figures of one row of the results table, gathered frame by frame."""

from __future__ import annotations

import numpy as np

from difftalker.evaluation.metrics.picture_metrics import (
    BlockGradients,
    block_gradients,
    block_ratio,
    flicker,
    sharpness,
)
from difftalker.evaluation.metrics.psnr_ssim import PictureDifference
from difftalker.evaluation.metrics.regions import FaceRegions

_RATIOS = ("sharpness", "flicker")  # of means, over the real film's


class FlickerMeter:
    """The last two pictures of a film."""

    def __init__(self) -> None:
        self._before: list[tuple[int, np.ndarray, FaceRegions]] = []

    def flicker(self, picture: np.ndarray, regions: FaceRegions, run: int) -> float:
        """Second difference with the two pictures before, inside the jaw of the middle one; NaN where these are no two
        of the same run."""
        self._before = [frame for frame in self._before if frame[0] == run][-2:]
        found = float("nan")
        if len(self._before) == 2:
            (_, first, _), (_, middle, inside) = self._before
            before, here, after = (inside.inside(image) for image in (first, middle, picture))
            found = flicker(before, here, after, inside.jaw)
        self._before.append((run, picture, regions))
        return found


class RealFilmScores:
    """The frames of the real film, whose own figures are taken once for all rows.

    Attributes:
        sharpness, flicker: one value per frame so far; flicker is NaN in the first two frames of a run.
    """

    def __init__(self) -> None:
        self.sharpness: list[float] = []
        self.flicker: list[float] = []
        self._memory = FlickerMeter()

    def add(self, picture: np.ndarray, regions: FaceRegions, run: int) -> None:
        """Take in the next picture, (height, width, 3) uint8; `run` names its run of successive frames."""
        self.sharpness.append(sharpness(picture, regions.mouth))
        self.flicker.append(self._memory.flicker(picture, regions, run))


class FrameScores:
    """Image figures per frame.

    Args:
        real: takes in every frame before this does.

    Attributes:
        values: for every metric a list with one value per frame so far. `psnr` in dB (infinite for equal images) and
            `ssim` (at most 1): of the crop, of its lower half, of the whole picture, and in the picture's own pixels
            inside the jaw and around the mouth. `sharpness` and `flicker` in grey levels.
    """

    def __init__(self, real: RealFilmScores) -> None:
        self._real = real
        self.values: dict[str, list[float]] = {
            name: []
            for name in (
                *("psnr", "ssim", "psnr_lower", "ssim_lower", "psnr_frame", "ssim_frame"),
                *("psnr_jaw", "ssim_jaw", "psnr_mouth", "ssim_mouth"),
                *("sharpness", "flicker"),
            )
        }
        self._blocks: list[BlockGradients] = []
        self._memory = FlickerMeter()

    def add_crop(self, truth: np.ndarray, image: np.ndarray, regions: FaceRegions) -> None:
        """Score one crop.

        Args:
            truth: (h, w, 3) uint8.
            image: of the same shape.
            regions: of the real face.
        """
        height, width = truth.shape[:2]
        lower = (0, height // 2, width, height)
        crop = PictureDifference(truth, image)
        self._add(psnr=crop.psnr(), ssim=crop.ssim(), psnr_lower=crop.psnr(lower), ssim_lower=crop.ssim(lower))
        self._blocks.append(block_gradients(image, regions.crop_jaw))

    def add_frame(self, truth: np.ndarray, picture: np.ndarray, regions: FaceRegions, run: int) -> None:
        """Score one whole picture, in order.

        Args:
            truth: the source's, (height, width, 3) uint8.
            picture: of the same shape.
            regions: of the real face.
            run: label of the run of successive frames that it belongs to.
        """
        x0, y0, x1, y1 = regions.mouth
        around_mouth = np.ones((y1 - y0, x1 - x0), bool)
        whole = PictureDifference(truth, picture)
        self._add(
            psnr_frame=whole.psnr(),
            ssim_frame=whole.ssim(),
            psnr_jaw=whole.psnr(regions.jaw_box, regions.jaw),
            ssim_jaw=whole.ssim_inside(regions.jaw_box, regions.jaw),
            psnr_mouth=whole.psnr(regions.mouth),
            ssim_mouth=whole.ssim_inside(regions.mouth, around_mouth),
            sharpness=sharpness(picture, regions.mouth),
            flicker=self._memory.flicker(picture, regions, run),
        )

    def means(self) -> dict[str, float]:
        """Means over the frames; ratios are those of two means. What is infinite or was never measured is left out."""
        found = {name: _mean(values) for name, values in self.values.items()}
        for name in _RATIOS:
            real = _mean(getattr(self._real, name))
            found[f"{name}_ratio"] = found.pop(name) / max(real, 1e-12)
        if self._blocks:
            found["block_ratio"] = block_ratio(self._blocks)
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _add(self, **values: float) -> None:
        for name, value in values.items():
            self.values[name].append(value)


def _mean(values: list[float]) -> float:
    known = np.array(values)[~np.isnan(values)] if values else np.zeros(0)
    return float(known.mean()) if len(known) else float("nan")
