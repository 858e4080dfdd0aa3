from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.demo.render import FrameTruth, render_with_truth
from difftalker.demo.sentences import DEMO_SENTENCES
from difftalker.demo.speech import Speech, speak_sentences


@pytest.fixture(scope="session")
def speech() -> Speech:
    """About five seconds of the demo's own sentences."""
    return speak_sentences(DEMO_SENTENCES, 5.5)


@pytest.fixture(scope="session")
def rendered(speech: Speech) -> list[tuple[np.ndarray, FrameTruth]]:
    return list(render_with_truth(speech, seed=2))


@pytest.fixture(scope="session")
def detect() -> Callable[[np.ndarray], np.ndarray | None]:
    """dlib's 68 points of an RGB image enlarged twice, in the pixels of the image; None without a face."""
    dlib = importlib.import_module("dlib")
    found = importlib.util.find_spec("face_recognition_models")
    assert found is not None and found.submodule_search_locations, "the landmark model is not installed"
    folder = Path(found.submodule_search_locations[0]) / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat"))

    def run(image: np.ndarray) -> np.ndarray | None:
        large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        faces = detector(large, 0)
        if not len(faces):
            return None
        return np.array([(point.x, point.y) for point in predictor(large, faces[0]).parts()]) / 2

    return run
