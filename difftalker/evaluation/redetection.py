"""Landmarks detected again on the frames of one row, as they were on the footage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache

import numpy as np

from difftalker.compute.parallel import worker_count, worker_processes
from difftalker.config import DetectorConfig
from difftalker.evaluation.frame_table import FrameTable
from difftalker.face.landmark_detector import LandmarkDetector, make_landmark_detector, runs_in_processes
from difftalker.face.landmark_table import MIN_SCORE
from difftalker.face.smoothing import fill_gaps, smooth_track

Detections = tuple[np.ndarray, np.ndarray]  # points (n, 68, 2) in pixels and scores (n,)
DetectInBackground = Callable[[np.ndarray, np.ndarray], "Future[Detections]"]  # images (n, h, w, 3) and regions (n, 4)

_WORTH = 256  # images per process that make up for its start
_PENDING = 4  # batches of a row under way


@contextmanager
def detection_pool(
    config: DetectorConfig, device: str, images: int, pin: str | None = None
) -> Iterator[DetectInBackground]:
    """Run the footage's detector beside the other measurements.

    Args:
        config: its parameters.
        device: where the detector runs; on the CPU, `mesh` uses several cores.
        images: how many there will be in all.
        pin: the hash of FAN's weights (`weights.fan2d`); None takes the published one.
    """
    workers = worker_count(images // _WORTH) if runs_in_processes(config, device) else 1
    with worker_processes(workers) as executor:
        if executor is not None:
            yield lambda batch, regions: executor.submit(_detect, config, batch, regions)
        else:
            yield detect_at_once(make_landmark_detector(config, device, pin))


def detect_at_once(detector: LandmarkDetector) -> DetectInBackground:
    """Run a detector in this process."""

    def submit(images: np.ndarray, regions: np.ndarray) -> Future[Detections]:
        future: Future[Detections] = Future()
        future.set_result(detector.detect(list(images), regions))
        return future

    return submit


@lru_cache(maxsize=1)
def _detector(config: DetectorConfig) -> LandmarkDetector:
    return make_landmark_detector(config, "cpu")


def _detect(config: DetectorConfig, images: np.ndarray, regions: np.ndarray) -> Detections:
    return _detector(config).detect(list(images), regions)


class Redetection:
    """Gathers detections batch by batch, then fills gaps and smooths each run of frames.

    Args:
        submit: the footage's detector.
        config: its parameters, for gaps and smoothing.
        test: the frames, with the footage's regions.

    Attributes:
        raw: (n, 68, 2) detections before smoothing, divided by the crop size; complete after `finish`.
    """

    def __init__(self, submit: DetectInBackground, config: DetectorConfig, test: FrameTable) -> None:
        self._submit, self._config, self._test = submit, config, test
        self._pending: deque[tuple[slice, int, Future[Detections]]] = deque()
        self.raw = np.full((len(test), 68, 2), np.nan, np.float32)
        self._scores = np.zeros(len(test), np.float32)

    def add(self, chosen: slice, images: np.ndarray) -> None:
        """Detect the faces of the frames `chosen`, images (n, h, w, 3) uint8 RGB."""
        self._pending.append((chosen, images.shape[1], self._submit(images, self._test.region[chosen])))
        self._take(_PENDING)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed points (n, 68, 2), divided by the crop size, and (n,) bool: where there was a face."""
        self._take(0)
        points, found = self.raw.copy(), self._scores >= MIN_SCORE
        for run in self._test.runs():
            filled, interpolated = fill_gaps(self.raw[run], found[run], self._config.max_gap)
            found[run] |= interpolated
            points[run] = smooth_track(filled, found[run], self._config.smoothing_frames)
        return points, found

    def _take(self, most: int) -> None:
        while len(self._pending) > most:
            chosen, size, future = self._pending.popleft()
            points, self._scores[chosen] = future.result()
            self.raw[chosen] = points / np.float32(size)
