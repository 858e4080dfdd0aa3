"""dlib's 68-point shape predictor (Kazemi and Sullivan 2014), averaged over perturbed boxes.

The predictor reads nearest pixels and returns whole ones, so a single run on a small crop is noisy. It is run on an
enlarged crop from several slightly shifted and scaled start boxes; the mean is a subpixel estimate, and the spread
says how sure it is.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np

from difftalker.config import DetectorConfig
from difftalker.errors import UserError

_MODEL = "shape_predictor_68_face_landmarks.dat"
_SHIFT = 0.06  # largest shift of a start box, in box widths
_STRETCH = 0.06  # largest relative change of its size
_UNSURE = 0.1  # mean spread of a point, in box widths, at which the score is zero


@lru_cache(maxsize=1)
def shape_predictor() -> Any:
    """Load the predictor that the package face_recognition_models carries, once per process.

    Raises:
        UserError: the package or its file is missing.
    """
    spec = importlib.util.find_spec("face_recognition_models")  # not imported: it needs pkg_resources
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package face_recognition_models is missing; install the requirements")
    path = Path(next(iter(spec.submodule_search_locations))) / "models" / _MODEL
    if not path.is_file():
        raise UserError(f"{path}: no such file; install the package face_recognition_models again")
    return dlib.shape_predictor(str(path))


def predict(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """One run of the predictor.

    Args:
        image: (h, w, 3) or (h, w) uint8.
        box: x0, y0, x1, y1 in pixels.

    Returns:
        (68, 2) float32, whole pixels.
    """
    shape = shape_predictor()(image, dlib.rectangle(*(round(float(value)) for value in box)))
    return np.array([(part.x, part.y) for part in shape.parts()], dtype=np.float32)


class DlibDetector:
    """The predictor on enlarged images, averaged over `jitter` start boxes. The same input gives the same output."""

    def __init__(self, config: DetectorConfig) -> None:
        self.upscale = config.upscale
        self.offsets = perturbations(config.jitter)

    def detect(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Detector.detect`. The score is 1 where all runs agree; a single run always scores 1."""
        points = np.empty((len(images), 68, 2), np.float32)
        scores = np.empty(len(images), np.float32)
        for index, (image, box) in enumerate(zip(images, boxes, strict=True)):
            points[index], scores[index] = self._detect_one(image, np.asarray(box, np.float64))
        return points, scores

    def _detect_one(self, image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, float]:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        factor = self.upscale
        if factor != 1.0:
            gray = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        box = (box + 0.5) * factor - 0.5
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        runs = []
        for dx, dy, stretch in self.offsets:
            middle = centre + 2 * half * (dx, dy)
            runs.append(predict(gray, np.concatenate([middle - half * (1 + stretch), middle + half * (1 + stretch)])))
        found = np.stack(runs)
        mean = found.mean(axis=0)
        spread = float(np.linalg.norm(found - mean, axis=2).mean()) / float(2 * half[0])
        return (mean + 0.5) / factor - 0.5, max(0.0, 1.0 - spread / _UNSURE)


def perturbations(count: int) -> np.ndarray:
    """Shifts and stretches of the start box, (count, 3): dx, dy (box widths) and relative size.

    The first is none; the others are an even cover of the ball (a Kronecker sequence), the same in every run.
    """
    steps = np.arange(count)[:, None] * np.array([0.8191725134, 0.6710436067, 0.5497004779])  # R3 sequence
    unit = 2 * ((steps + 0.5) % 1.0) - 1
    unit[0] = 0.0
    return unit * (_SHIFT, _SHIFT, _STRETCH)
