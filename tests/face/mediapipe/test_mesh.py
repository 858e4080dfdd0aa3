"""The attention mesh, on a portrait of a smiling face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from difftalker.face.mediapipe import mesh_detector as module
from difftalker.face.mediapipe.attention_mesh import MESH_INPUT, AttentionMesh
from difftalker.face.mediapipe.mesh_detector import MeshDetector
from difftalker.face.mediapipe.mesh_points import MESH_JAW, to_ibug
from difftalker.face.mediapipe.region import cut_region, mesh_regions, region_to_picture, upright_boxes
from difftalker.face.topology import INNER_LIPS, MOUTH, OUTER_LIPS, RIGID
from tests.footage import empty_room, portrait, portrait_points

REFERENCE = Path(__file__).with_name("mesh_reference.npz")
REGION = np.array([[145.5, 125.0, 150.0, 0.03]])


@pytest.fixture(scope="module")
def detector() -> MeshDetector:
    return MeshDetector(torch.device("cpu"))


def moved(matrix: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(portrait(), matrix, (280, 280), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def test_points_are_those_of_the_original(detector: MeshDetector) -> None:
    """mediapipe 0.10.21 itself, on the portrait, in the rectangle that it found (centre, size, angle)."""
    stored = np.load(REFERENCE)
    x, y, side, _, angle = stored["rectangle"]
    # It cuts without half pixels: what it reads at pixel u is meant for u + 1/2. So does this region.
    half = side / MESH_INPUT / 2 * np.array([np.cos(angle) - np.sin(angle), np.sin(angle) + np.cos(angle)])
    points, scores = detector.mesh([portrait()], np.array([[x - half[0], y - half[1], side, angle]]))
    error = np.linalg.norm(points[0] + half - stored["points"], axis=1)
    assert error.mean() < 0.03 and error.max() < 0.12  # source pixels; its sums are in another order, and half precise
    assert scores[0] > 0.99


def test_batches_do_not_matter(detector: MeshDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [np.roll(portrait(), shift, axis=1) for shift in range(5)]
    regions = np.repeat(REGION, 5, axis=0) + np.arange(5)[:, None] * (1, 0, 0, 0)
    together = detector.detect(images, regions)
    monkeypatch.setattr(module, "MESH_BATCH", 2)
    alone = detector.detect(images, regions)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-2)
    np.testing.assert_allclose(together[1], alone[1], atol=1e-5)
    again = detector.detect(images, regions)
    assert np.array_equal(again[0], alone[0]) and np.array_equal(again[1], alone[1])


def test_the_number_of_threads_does_not_matter(detector: MeshDetector) -> None:
    before = torch.get_num_threads()
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(detector.detect([portrait()], REGION)[0])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_a_rotated_picture_has_rotated_points(detector: MeshDetector) -> None:
    upright, _ = detector.detect([portrait()], REGION)
    for degrees in (-40, 25):
        matrix = cv2.getRotationMatrix2D((140.0, 130.0), -degrees, 1.0)
        centre = matrix @ (*REGION[0, :2], 1)
        turned, _ = detector.detect([moved(matrix)], np.array([[*centre, 150, 0.03 + np.radians(degrees)]]))
        expected = upright[0] @ matrix[:, :2].T + matrix[:, 2]
        assert np.linalg.norm(turned[0] - expected, axis=1).mean() < 0.3
        unsure = np.array([[*centre, 150, np.radians(degrees / 2)]])  # turned half as far as the face
        found = mesh_regions(detector.mesh([moved(matrix)], unsure)[0])
        assert np.degrees(found[0, 3]) == pytest.approx(degrees + 2, abs=4)


def test_half_a_pixel_is_half_a_pixel(detector: MeshDetector) -> None:
    still, _ = detector.detect([portrait()], REGION)
    shifted, _ = detector.detect([moved(np.array([[1, 0, 0.5], [0, 1, 0.0]]))], REGION)
    step = shifted[0] - still[0]
    assert step.mean(axis=0) == pytest.approx([0.5, 0.0], abs=0.12)
    assert np.sqrt(np.square(step - (0.5, 0)).mean()) < 0.25


def test_size_does_not_matter(detector: MeshDetector) -> None:
    small, _ = detector.detect([portrait()], REGION)
    for factor in (0.5, 4.0):
        image = cv2.resize(portrait(), None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        region = np.array([[*((REGION[0, :2] + 0.5) * factor - 0.5), 150 * factor, 0.03]])
        found, _ = detector.detect([image], region)
        error = np.linalg.norm((found[0] + 0.5) / factor - 0.5 - small[0], axis=1)
        assert error.mean() < (0.6 if factor < 1 else 0.3)


def test_no_face_scores_low(detector: MeshDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (280, 280, 3), dtype=np.uint8)
    _, scores = detector.detect([empty_room(), noise, portrait()], np.repeat(REGION, 3, axis=0))
    assert scores[:2].max() < 0.2 and scores[2] > 0.99


def test_points_lie_where_their_names_say() -> None:
    points = portrait_points()
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    assert left[0] < points[30, 0] < right[0] and left[1] < points[33, 1] < points[51, 1] < points[57, 1] < points[8, 1]
    assert points[17:22, 1].max() < left[1] and points[22:27, 1].max() < right[1]
    assert points[MOUTH[0], 0] == points[OUTER_LIPS, 0].min() and points[54, 0] == points[OUTER_LIPS, 0].max()
    assert points[INNER_LIPS[0], 0] == points[INNER_LIPS, 0].min()
    assert (points[[61, 62, 63], 1] < points[[67, 66, 65], 1]).all()  # this mouth is open
    assert points[0, 0] < points[:17, 0].min() + 0.5 and points[16, 0] > points[:17, 0].max() - 0.5
    assert points[RIGID, 0].min() >= points[0, 0] and points[RIGID, 0].max() <= points[16, 0]


def test_the_jaw_is_spaced_evenly_between_ears_and_chin() -> None:
    mesh = np.zeros((2, 468, 2))
    count = len(MESH_JAW) // 2
    # A right angle: 80 down and 160 across to the chin, in uneven steps; 40 from the chin to the other ear.
    along = np.array([0, 5, 20, 60, 80, 81, 100, 140, 170, 200, 230, 240.0])
    mesh[:, MESH_JAW[: count + 1]] = np.column_stack([np.maximum(along - 80, 0), np.minimum(along, 80)])
    mesh[:, MESH_JAW[count:]] = np.column_stack([np.full(count + 1, 160), 80 - 40 * np.linspace(0, 1, count + 1) ** 3])
    mesh[1] *= 3
    points = to_ibug(mesh)
    np.testing.assert_allclose(points[1], 3 * points[0])
    assert points[0, [0, 8, 16]].tolist() == [[0, 0], [160, 80], [160, 40]]
    np.testing.assert_allclose(np.diff(points[0, 8:17], axis=0), np.tile([0, -5.0], (8, 1)), atol=1e-9)
    np.testing.assert_allclose(points[0, 1], [0, 30], atol=1e-9)
    np.testing.assert_allclose(
        points[0, 3:9], [[10, 80], [40, 80], [70, 80], [100, 80], [130, 80], [160, 80]], atol=1e-9
    )


def test_cut_and_place_are_inverse() -> None:
    dots = np.zeros((300, 300, 3), np.uint8)
    places = np.array([[120.0, 150.0], [160.0, 130.0], [150.0, 190.0]])
    for x, y in places.astype(int):
        dots[y - 1 : y + 2, x - 1 : x + 2] = 255
    for region in ([145, 150, 150, 0.0], [150, 160, 120, 0.6], [140, 155, 180, -1.2], [150, 150, 600, 0.3]):
        picture = cut_region(dots, np.array(region))
        count, _, _, centres = cv2.connectedComponentsWithStats((picture[..., 0] > 20).astype(np.uint8))
        if region[2] < 300:  # else the dots are smaller than a pixel
            found = region_to_picture(centres[None, 1:] + 0.5, np.array([region]))[0]
            assert count == 4
            for each in places:
                assert np.linalg.norm(found - each, axis=1).min() < 0.7
    back = region_to_picture(np.array([[[0, 0], [MESH_INPUT, MESH_INPUT]]]), np.array([[100.0, 50, 40, 0]]))
    assert back.tolist() == [[[80, 30], [120, 70]]]


def test_face_box_is_upright() -> None:
    assert upright_boxes(np.array([[100.0, 60, 36, 0.7]])).tolist() == [[90, 50, 110, 70]]


def test_branches_can_be_left_out(detector: MeshDetector) -> None:
    fine, _ = detector.mesh([portrait()], REGION)
    coarse, _ = detector.mesh([portrait()], REGION, refine=False)
    outside = np.ones(468, bool)
    network = AttentionMesh()
    for branch in (network.lips, network.left_eye, network.right_eye):
        outside[branch.indices] = False
    np.testing.assert_array_equal(fine[:, outside], coarse[:, outside])
    difference = np.linalg.norm(fine - coarse, axis=2)[0, ~outside]
    assert 0.2 < difference.mean() < 3
