from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from demo_speaker.render import FrameTruth, render_with_truth
from demo_speaker.sentences import DEMO_SENTENCES
from demo_speaker.speech import Speech, speak_sentences
from difftalker.face.mediapipe.mesh_detector import MeshDetector
from difftalker.face.tracking import FaceTracker


@pytest.fixture(scope="session")
def speech() -> Speech:
    """About five seconds of the demo's own sentences."""
    return speak_sentences(DEMO_SENTENCES, 5.5)


@pytest.fixture(scope="session")
def rendered(speech: Speech) -> list[tuple[np.ndarray, FrameTruth]]:
    return list(render_with_truth(speech, seed=2))


@pytest.fixture(scope="session")
def detect() -> Callable[[np.ndarray], np.ndarray | None]:
    """The mesh's 68 points of an RGB image; None without a face."""
    follower, detector = FaceTracker(), MeshDetector(torch.device("cpu"))

    def run(image: np.ndarray) -> np.ndarray | None:
        faces = follower.find(image)
        return detector.detect([image], faces[0].region[None])[0][0] if faces else None

    return run
