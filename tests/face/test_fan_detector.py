"""FAN: its weights need a download, so its network has random ones here, or a stand-in whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import face_alignment
import numpy as np
import pytest
import torch
from face_alignment.models import FAN
from torch import nn

from difftalker.compute.device import seeded
from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.fan_detector import FAN_BATCH, FanDetector, load_fan, read_heat_maps
from difftalker.face.landmark_detector import make_landmark_detector
from difftalker.face.mediapipe.region import upright_boxes

CONFIG = DetectorConfig(name="fan", smoothing_frames=0.0, max_gap=5)
CPU = torch.device("cpu")
REGION = np.array([[60.0, 60.0, 1.8 * 80, 0.0]])  # of a face box from 20 to 100


class Brightness(nn.Module):
    """All 68 heat maps are the brightness of the 256-px input: they peak where a light spot is."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        self.batches.append(len(images))
        maps = nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4).repeat(1, 68, 1, 1)
        return [torch.zeros_like(maps), maps / 2]  # / 2: the mirrored pass is added; the last of the list counts


def spot(x: float, y: float, size: int = 128, width: float = 3.0) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    bell = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    return np.repeat(np.rint(255 * bell)[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture
def detector() -> FanDetector:
    return FanDetector(Brightness(), CPU)


def test_points_are_exact_to_a_fraction_of_a_pixel(detector: FanDetector) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform((40, 60), (90, 95), (FAN_BATCH + 5, 2))
    regions = REGION + rng.uniform(-4, 4, (FAN_BATCH + 5, 4)) * (1, 1, 1.8, 0)
    boxes = upright_boxes(regions)
    points, scores = detector.detect([spot(*place) for place in places], regions)
    assert points.shape == (FAN_BATCH + 5, 68, 2) and points.dtype == np.float32 and scores.dtype == np.float32
    # What the network sees lacks a 256th of the square at its upper left and begins half a pixel too far to the left,
    # which the trained network makes up for and this one does not.
    side = 200 * (boxes[:, 2:] - boxes[:, :2]).sum(axis=1, keepdims=True) / 195
    corner = (boxes[:, :2] + boxes[:, 2:]) / 2 - side / 2 - (0, 0.12) * (boxes[:, 2:] - boxes[:, :2])
    begin = corner + side / 256 - 0.5
    expected = corner + (places + 0.5 - begin) * side / (side - side / 256) - 0.5
    np.testing.assert_allclose(points[:, 0], expected, atol=0.15)  # a heat map's cell is 2.6 pixels wide here
    np.testing.assert_allclose(points[:, 0].mean(axis=0), expected.mean(axis=0), atol=0.03)
    assert np.abs(expected - places).max() < 0.4
    np.testing.assert_allclose(scores, 0.87, atol=0.1)
    assert detector.network.batches == [FAN_BATCH, FAN_BATCH, 5, 5]  # many faces in one pass, then mirrored


def test_points_agree_with_the_package_on_average(detector: FanDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package rounds to whole pixels, down where it cuts inside the picture; it is off by two, not on average."""
    monkeypatch.setattr(face_alignment.FaceAlignment, "_load_native", lambda *_: Brightness())
    two_d = face_alignment.LandmarksType.TWO_D
    package = face_alignment.FaceAlignment(two_d, device="cpu", face_detector="folder", compile=False)
    rng = np.random.default_rng(1)
    places = rng.uniform((150, 200), (230, 240), (50, 2))
    regions = np.array([190, 200, 1.8 * 160, 0]) + rng.uniform(-6, 6, (50, 4)) * (1, 1, 1.8, 0)
    images = [spot(*place, size=400, width=8.0) for place in places]
    theirs = [
        package.get_landmarks_from_image(i, [b])[0][0] for i, b in zip(images, upright_boxes(regions), strict=True)
    ]
    ours, _ = detector.detect(images, regions)
    difference = ours[:, 0] - np.array(theirs)
    assert np.abs(difference).max() < 3
    np.testing.assert_allclose(difference.mean(axis=0), 0, atol=0.25)


def test_the_mirrored_pass_swaps_left_and_right() -> None:
    class Halves(nn.Module):
        """Map 36 (an outer eye corner) lights up on the left, map 45 (the other one) on the right."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = torch.full((len(images), 68, 64, 64), 0.01)
            maps[:, 36, 30, 20] = maps[:, 45, 30, 43] = 0.5
            return maps

    points, _ = FanDetector(Halves(), CPU).detect([spot(5, 5)], REGION)
    side = 200 * 160 / 195
    np.testing.assert_allclose(points[0, [36, 45], 0], 60 + (np.array([20.5, 43.5]) / 64 - 0.5) * side - 0.5, atol=1e-4)


def test_peaks_of_gaussians_are_found_between_the_cells() -> None:
    rng = np.random.default_rng(2)
    places = rng.uniform(3, 60, (2, 68, 2))
    places[0, :4] = [(0, 0), (63, 63), (0, 63), (63.4, 12)]  # at the border there is no neighbour to look at
    rows, columns = np.mgrid[:64, :64]
    maps = np.exp(-((columns - places[..., 0, None, None]) ** 2 + (rows - places[..., 1, None, None]) ** 2) / 4.5)
    found, peaks = read_heat_maps(0.8 * maps)
    np.testing.assert_allclose(found[:, 4:] * 64 - 0.5, places[:, 4:], atol=1e-3)
    np.testing.assert_allclose(found[0, :4] * 64 - 0.5, places[0, :4], atol=0.5)
    assert peaks.max() <= 0.8 and np.isfinite(read_heat_maps(np.zeros((1, 68, 64, 64)))[0]).all()


def test_points_are_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "difftalker.face.detect_landmarks.make_landmark_detector", lambda *_: FanDetector(Brightness(), CPU)
    )
    points, _ = detect_landmarks([spot(64, 70)], REGION, CONFIG, "cpu")
    np.testing.assert_allclose(points[0, 5], [0.5, 70 / 128], atol=0.005)


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        shapes = FAN(4).state_dict()
    return {name: torch.ones(value.shape, dtype=value.dtype) for name, value in shapes.items()}


def test_the_published_architecture_is_loaded(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "fan.pth.tar")
    network = load_fan(tmp_path / "fan.pth.tar", CPU).network
    assert sum(value.numel() for value in network.parameters()) == 23_820_176
    assert not network.training and torch.equal(network.state_dict()["l3.weight"], state["l3.weight"])


def test_no_batch_size_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    with seeded(0):
        detector = FanDetector(FAN(1).eval(), CPU)  # one of its four stacks
    images, regions = [spot(50, 60), spot(70, 80)], np.repeat(REGION, 2, axis=0)
    together = detector.detect(images, regions)
    monkeypatch.setattr("difftalker.face.fan_detector.FAN_BATCH", 1)
    alone = detector.detect(images, regions)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-2)
    np.testing.assert_allclose(together[1], alone[1], atol=1e-5)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50_000])


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "no such file"),
    "empty": (lambda path: path.write_bytes(b""), "not the weights of FAN"),
    "truncated": (_cut, "not the weights of FAN"),
    "a web page": (lambda path: path.write_text("<html>"), "not the weights of FAN"),
    "a module": (lambda path: torch.save(nn.Linear(2, 2), path), "not the weights of FAN"),
    "a list": (lambda path: torch.save([torch.zeros(2)], path), "not the weights of FAN"),
    "another network": (lambda path: torch.save(nn.Linear(2, 2).state_dict(), path), "not the weights of FAN"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_what_is_not_the_weights_is_one_clear_line(state: dict[str, torch.Tensor], tmp_path: Path, kind: str) -> None:
    spoil, message = BAD_FILES[kind]
    path = tmp_path / "fan.pth.tar"
    torch.save({name: state[name] for name in list(state)[:20]}, path)
    spoil(path)
    with pytest.raises(UserError, match=message) as caught:
        load_fan(path, CPU)
    assert "difftalker weights fetch fan2d" in str(caught.value) and "\n" not in str(caught.value)


def test_weights_come_from_the_verified_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"weights 'fan2d'.*difftalker weights fetch fan2d") as caught:
        make_landmark_detector(CONFIG, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_gpu_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(state, tmp_path / "fan.pth.tar")
    monkeypatch.setattr("difftalker.weights.store.locate", lambda *_: tmp_path / "fan.pth.tar")
    with pytest.raises(UserError, match="device = cuda: not present"):
        make_landmark_detector(CONFIG, "cuda")
