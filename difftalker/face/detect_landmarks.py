"""Landmarks of a stream of face crops: of the footage, and again of generated frames (the metric LD)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from difftalker.compute.parallel import map_ordered, worker_count, worker_processes
from difftalker.config import DetectorConfig
from difftalker.face.landmark_detector import LandmarkDetector, make_landmark_detector, runs_in_processes

_PIECE = 32  # images sent to a process at a time
_WORTH = 256  # images per process that make up for its start


def detect_landmarks(
    images: Iterable[np.ndarray],
    regions: np.ndarray,
    config: DetectorConfig,
    device: str = "auto",
    pin: str | None = None,
    workers: int | None = None,
    progress: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Detect the face in every crop; no smoothing.

    Args:
        images: n crops (size, size, 3) uint8 RGB, streamed: a few dozen are held at a time.
        regions: (n, 4) in crop pixels, the column `region` of the crop geometry.
        config: the detector; give the footage's own for generated frames.
        device: where the network runs, `auto` for CUDA where there is one.
        pin: the hash of FAN's weights (`weights.fan2d`); None takes the published one.
        workers: processes for `mesh` on the CPU; by default one per core where that pays. Any number gives the same.
        progress: a tqdm bar to advance.

    Returns:
        points (n, 68, 2) float32, x and y divided by the crop size, and scores (n,) float32 in [0, 1].

    Raises:
        UserError: the detector's weights cannot be had.
        ValueError: `images` and `regions` differ in number.
    """
    regions = np.asarray(regions, np.float32).reshape(-1, 4)
    points = np.empty((len(regions), 68, 2), np.float32)
    scores = np.empty(len(regions), np.float32)
    if not runs_in_processes(config, device):  # one network, batched on its device
        workers = 1
    elif workers is None:
        workers = worker_count(len(regions) // _WORTH)
    done = 0
    with worker_processes(workers) as executor:
        work = (
            partial(_detect_piece, config) if executor else partial(_run, make_landmark_detector(config, device, pin))
        )
        for found, score in map_ordered(work, _pieces(images, regions), executor, 2 * workers):
            points[done : done + len(found)] = found
            scores[done : done + len(found)] = score
            done += len(found)
            if progress is not None:
                progress.update(len(found))
    if done != len(regions):
        raise ValueError(f"{done} images for {len(regions)} regions")
    return points, scores


def _pieces(images: Iterable[np.ndarray], regions: np.ndarray) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    piece: list[np.ndarray] = []
    start = 0
    for image in images:
        piece.append(image)
        if len(piece) == _PIECE:
            yield piece, regions[start : start + _PIECE]
            start += _PIECE
            piece = []
    if piece:
        yield piece, regions[start : start + len(piece)]


_made: dict[DetectorConfig, LandmarkDetector] = {}  # one detector per worker process


def _detect_piece(config: DetectorConfig, piece: tuple[list[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    if config not in _made:
        _made[config] = make_landmark_detector(config, "cpu")
    return _run(_made[config], piece)


def _run(detector: LandmarkDetector, piece: tuple[list[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    images, regions = piece
    if len(regions) != len(images):
        raise ValueError("more images than regions")
    points, scores = detector.detect(images, regions)
    size = images[0].shape[0]
    return points / np.float32(size), scores
