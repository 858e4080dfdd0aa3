"""Finding faces: of all sizes, turned, none; on a portrait."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from difftalker.face.face_detector import box_overlap
from difftalker.face.tracking import FaceTracker
from tests.face.heads import turned
from tests.footage import empty_room, portrait, portrait_points

FACE = 52.0  # side of the portrait's face box


@pytest.fixture(scope="module")
def follower() -> FaceTracker:
    return FaceTracker()


def placed(scale: float, x: float, y: float, width: int, height: int) -> np.ndarray:
    """The portrait's head on a gray wall, its nose at (x, y)."""
    nose = portrait_points()[30]
    matrix = np.array([[scale, 0, x - scale * nose[0]], [0, scale, y - scale * nose[1]]])
    soft = portrait() if scale > 1 else cv2.GaussianBlur(portrait(), (0, 0), max(0.01, 0.4 / scale - 0.4))
    picture = cv2.warpAffine(soft, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(120, 120, 120))
    return picture


def test_overlap() -> None:
    a = np.array([0.0, 0, 10, 10])
    assert box_overlap(a, a) == 1.0
    assert box_overlap(a, a + 20) == 0.0
    assert box_overlap(a, a + np.array([5, 0, 5, 0])) == 50 / 150


# The largest face fits into the picture in its middle alone.
@pytest.mark.parametrize(
    ("share", "x", "y"),
    [(0.6, 640, 360), *((share, x, y) for share in (0.3, 0.1, 0.05) for x, y in ((640, 360), (1000, 420)))],
)
def test_faces_of_all_sizes(follower: FaceTracker, share: float, x: int, y: int) -> None:
    """`share` is the face's width over the picture's longer side."""
    ends = portrait_points()[[0, 16]]
    scale = share * 1280 / np.linalg.norm(ends[1] - ends[0])
    (face,) = follower.find(placed(scale, x, y, 1280, 720))
    expected = (portrait_points() - portrait_points()[30]) * scale + (x, y)
    error = np.linalg.norm(face.points - expected, axis=1).mean()
    assert error < 0.05 * share * 1280 + 1


@pytest.mark.parametrize("degrees", [-60, -45, -30, 30, 45, 60])
def test_turned_faces(follower: FaceTracker, degrees: int) -> None:
    picture, expected = turned(degrees)
    (face,) = follower.find(picture)
    nose = np.linalg.norm(face.points[27:36].mean(axis=0) - expected[27:36].mean(axis=0))
    assert nose < (8 if abs(degrees) < 50 else 25)  # of a face 90 pixels wide


@pytest.mark.parametrize("degrees", [-50, 50])
def test_tilted_faces(follower: FaceTracker, degrees: int) -> None:
    matrix = cv2.getRotationMatrix2D((140.0, 125.0), -degrees, 1.0)
    picture = cv2.warpAffine(portrait(), matrix, (280, 280), borderMode=cv2.BORDER_REPLICATE)
    (face,) = follower.find(picture)
    expected = portrait_points() @ matrix[:, :2].T + matrix[:, 2]
    assert np.linalg.norm(face.points - expected, axis=1).mean() < 3
    assert np.degrees(face.region[3]) == pytest.approx(degrees, abs=8)


def test_a_face_beside_a_small_one_and_the_largest_first(follower: FaceTracker) -> None:
    small = cv2.resize(portrait(), (140, 140), interpolation=cv2.INTER_AREA)
    picture = np.full((280, 420, 3), 120, np.uint8)
    picture[:140, :140], picture[:, 140:] = small, portrait()
    large, other = follower.find(picture)
    assert large.region[2] > 1.7 * other.region[2] and other.points[:, 0].max() < 140 < large.points[:, 0].min()


def test_no_face(follower: FaceTracker) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    profile, _ = turned(90)
    for picture in (empty_room(), noise, cv2.GaussianBlur(noise, (0, 0), 8), profile, np.zeros((9, 16, 3), np.uint8)):
        assert follower.find(picture) == []


@pytest.mark.parametrize(("width", "height"), [(64, 48), (48, 64), (300, 40)])
def test_pictures_of_any_shape(follower: FaceTracker, width: int, height: int) -> None:
    assert follower.find(np.full((height, width, 3), 90, np.uint8)) == []
