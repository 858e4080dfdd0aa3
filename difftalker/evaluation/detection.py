"""Landmarks detected again on the frames of one row, as they were on the footage."""

from __future__ import annotations

import numpy as np

from difftalker.config import DetectorConfig
from difftalker.evaluation.rows import Rows
from difftalker.landmarks.detector import Detector
from difftalker.landmarks.smoothing import fill_gaps, smooth
from difftalker.landmarks.table import MIN_SCORE


class Redetection:
    """Gathers detections batch by batch, then fills gaps and smooths each run of frames.

    Args:
        detector: the footage's own.
        config: its parameters.
        test: the frames, with the footage's face boxes.
    """

    def __init__(self, detector: Detector, config: DetectorConfig, test: Rows) -> None:
        self._detector, self._config, self._test = detector, config, test
        self.raw = np.full((len(test), 68, 2), np.nan, np.float32)
        self._scores = np.zeros(len(test), np.float32)

    def add(self, chosen: slice, images: np.ndarray) -> None:
        """Detect the faces of the frames `chosen`, images (n, h, w, 3) uint8 RGB."""
        points, self._scores[chosen] = self._detector.detect(list(images), self._test.box[chosen])
        self.raw[chosen] = points / np.float32(images.shape[1])

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed points (n, 68, 2), divided by the crop size, and (n,) bool: where there was a face."""
        points, found = self.raw.copy(), self._scores >= MIN_SCORE
        for run in self._test.runs():
            filled, interpolated = fill_gaps(self.raw[run], found[run], self._config.max_gap)
            found[run] |= interpolated
            points[run] = smooth(filled, found[run], self._config.smoothing)
        return points, found
