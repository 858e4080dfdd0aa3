"""FAN's weights need a download, so the library's network is replaced at its boundary: everything up to it is real."""

from __future__ import annotations

from urllib.error import URLError

import face_alignment
import numpy as np
import pytest
import torch

from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.landmarks.detect import detect_landmarks
from difftalker.landmarks.detector import make_detector

CONFIG = DetectorConfig(name="fan", upscale=1.0, jitter=1, smoothing=0.0, max_gap=5)


class BrightestPoint(torch.nn.Module):
    """Stands in for the trained network: 68 heat maps that all peak where the 256-px input is brightest."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(images))
        maps = torch.nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4)  # (n, 1, 64, 64)
        return maps.repeat(1, 68, 1, 1) / maps.amax(dim=(2, 3), keepdim=True) / 2  # / 2: the flipped pass is added


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self, name, size, device, dtype):
        return BrightestPoint(size)

    monkeypatch.setattr(face_alignment.FaceAlignment, "_load_native", load)


def spot(x: int, y: int) -> np.ndarray:
    image = np.full((128, 128, 3), 20, np.uint8)
    image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image


def test_points_return_to_their_own_image(network: None) -> None:
    places = [(40 + 2 * i, 80 - i) for i in range(21)]
    boxes = np.array([[20 + i, 20, 100 + i, 100] for i in range(21)], np.float32)
    detector = make_detector(CONFIG, "cpu")
    points, scores = detector.detect([spot(*place) for place in places], boxes)
    assert points.shape == (21, 68, 2) and points.dtype == np.float32
    np.testing.assert_allclose(points[:, 0], places, atol=2.0)  # a heat map's cell is 2.6 pixels wide here
    np.testing.assert_allclose(scores, 1.0, atol=0.05)
    assert max(detector.network.face_alignment_net.batches) == 16  # many faces in one pass


def test_points_are_normalised(network: None) -> None:
    points, _ = detect_landmarks([spot(64, 70)], np.array([[20, 20, 100, 100]]), CONFIG, "cpu")
    np.testing.assert_allclose(points[0, 5], [0.5, 70 / 128], atol=0.02)


def test_missing_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self, name, size, device, dtype):
        raise URLError("no route")

    monkeypatch.setattr(face_alignment.FaceAlignment, "_load_native", load)
    with pytest.raises(UserError, match=r"detector\.name = 'fan'.*'dlib'") as caught:
        make_detector(CONFIG, "cpu")
    assert "\n" not in str(caught.value)
