"""Landmarks of faces whose place is known: the attention mesh against FAN as the package face-alignment runs it."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from face_alignment.api import FaceAlignment, LandmarksType
from face_alignment.models import FAN

from benchmarks.bench import Scale, Timing
from difftalker.compute.device import select_device
from difftalker.config import DetectorConfig
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.landmark_detector import make_landmark_detector

TITLE = "landmarks, faces of 100 px, their boxes given"
PEER = "face-alignment 1.5, its defaults, random weights"
UNIT = "faces/s"
GOAL = ">= 20x"

_SIZE, _FACE = 128, (14.0, 14.0, 114.0, 114.0)
_COUNT = {"tiny": (2, 1), "quick": (1000, 12), "full": (4000, 40), "gpu": (4000, 200)}
_DETECTOR = DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=5)


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    pass


def ours(work: Path, scale: Scale) -> Timing:
    """As the pipeline runs it: on the CPU in one process per core, their start counted."""
    images, count = _images(_COUNT[scale][0]), _COUNT[scale][0]
    regions = np.tile(np.array([_SIZE / 2, _SIZE / 2, 150, 0], np.float32), (count, 1))
    make_landmark_detector(_DETECTOR)  # what is loaded once
    started = time.perf_counter()
    points, _ = detect_landmarks(images, regions, _DETECTOR)
    seconds = time.perf_counter() - started
    np.save(work / "ours.npy", points[0])
    return Timing(seconds, count)


def peer(work: Path, scale: Scale) -> Timing:
    """One picture at a time, with its mirror image, which is how it comes; its compiler's warm-up is not counted."""
    images, count = _images(_COUNT[scale][1]), _COUNT[scale][1]
    aligner = FaceAlignment.__new__(FaceAlignment)  # its constructor downloads weights
    device = str(select_device("auto"))
    aligner.device, aligner.flip_input, aligner.dtype, aligner.max_batch_size = device, True, torch.float32, 1
    aligner.landmarks_type, aligner.verbose = LandmarksType.TWO_D, False
    aligner.face_detector = SimpleNamespace(reference_scale=195.0)
    torch.manual_seed(0)
    network = FAN(4).to(device).eval()
    aligner.face_alignment_net = network if scale == "tiny" else torch.compile(network)
    boxes = [np.array(_FACE)]
    aligner.get_landmarks_from_image(images[0], boxes)
    started = time.perf_counter()
    for image in images:
        found = aligner.get_landmarks_from_image(image, boxes)
    seconds = time.perf_counter() - started
    np.save(work / "peer.npy", found[0])
    return Timing(seconds, count)


def check(work: Path) -> str:
    shapes = np.load(work / "ours.npy").shape, np.load(work / "peer.npy").shape
    assert shapes == ((68, 2), (68, 2)), shapes
    return "68 points each"


def _images(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return list(generator.integers(0, 256, (count, _SIZE, _SIZE, 3), np.uint8))
