"""The mask against a hull and distances computed otherwise, and what its users rely on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from difftalker.face.topology import MOUTH
from difftalker.painting.diffusion.upper_face import FEATHER
from difftalker.painting.jaw_mask import jaw_mask

SIZE = 128


def face(drop: float = 0.0, shift: float = 0.0) -> np.ndarray:
    """(1, 68, 2): a jaw line of half an ellipse, 0.6 of the crop wide, and a mouth; the chin dropped by `drop`."""
    points = np.full((68, 2), 0.5, np.float32)
    angle = np.pi * np.arange(17) / 16
    points[:17, 0] = 0.5 - 0.3 * np.cos(angle)
    points[:17, 1] = 0.4 + (0.42 + drop) * np.sin(angle)
    points[MOUTH] = (0.5, 0.65)
    points[:, 0] += shift
    return points[None]


def distances(points: np.ndarray) -> np.ndarray:
    """Distance of every pixel from the hull of the jaw line, negative inside, in face widths: (SIZE, SIZE)."""
    hull = cv2.convexHull((points[0, :17] * SIZE - 0.5).astype(np.float32))
    found = [[cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x in range(SIZE)] for y in range(SIZE)]
    return -np.array(found) / SIZE / float(np.linalg.norm(points[0, 16] - points[0, 0]))


def test_it_ends_at_the_jaw_beside_the_face_and_below_the_chin() -> None:
    mask, far = jaw_mask(face(), SIZE)[0], distances(face())
    below = np.arange(SIZE)[:, None] >= SIZE // 2
    assert mask[far > 0.15].max() == 0
    assert mask[below & (far < -0.12)].min() == 1
    row = round(0.52 * SIZE)  # beside the face
    assert mask[row][far[row] > 0.05].max() < 0.05
    column = SIZE // 2  # under the chin
    assert mask[:, column][(far[:, column] < 0.02) & below[:, 0]].min() > 0.98
    falling = mask[:, column][(far[:, column] > 0.05) & (far[:, column] < 0.12) & below[:, 0]]
    assert len(falling) > 3 and falling.min() > 0 and falling.max() < 1


def test_it_begins_at_the_split_and_ends_before_the_crop_s_border() -> None:
    for drop in (0.0, 0.15):  # the second jaw reaches beyond the crop
        mask = jaw_mask(face(drop), SIZE)[0]
        assert mask[: SIZE // 2 - round(FEATHER * SIZE)].max() == 0
        assert mask[SIZE // 2, SIZE // 2] == 1 and 0 < mask[SIZE // 2 - 3, SIZE // 2] < 1
        assert max(mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert mask[SIZE // 2 + 8 : SIZE - 8, SIZE // 2].min() > 0.9


def test_it_covers_both_jaws() -> None:
    closed, open_ = face(), face(0.08)
    both = jaw_mask(closed, SIZE, open_)
    assert np.array_equal(both, jaw_mask(open_, SIZE, closed))
    assert np.all(both >= np.maximum(jaw_mask(closed, SIZE), jaw_mask(open_, SIZE)) - 1e-6)
    np.testing.assert_allclose(both, jaw_mask(open_, SIZE), atol=1e-6)  # it lies around the other


def test_a_batch_is_its_faces_one_by_one() -> None:
    batch = np.concatenate([face(), face(0.05), face(0.0, 0.02)])
    masks = jaw_mask(batch, SIZE)
    assert masks.shape == (3, SIZE, SIZE) and masks.dtype == np.float32
    for index in range(3):
        np.testing.assert_allclose(masks[index], jaw_mask(batch[index : index + 1], SIZE)[0], atol=1e-6)
    assert jaw_mask(batch[:0], SIZE).shape == (0, SIZE, SIZE)


@pytest.mark.parametrize("size", [64, 256])
def test_it_is_the_same_at_every_size(size: int) -> None:
    large = cv2.resize(jaw_mask(face(), 512)[0], (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(large - jaw_mask(face(), size)[0]).max() < 0.06


def test_it_moves_smoothly_with_the_face() -> None:
    """A step of a tenth of a pixel changes no weight by more than the fall's slope allows."""
    fall = 0.11 * 0.6 * SIZE  # pixels
    before = jaw_mask(face(), SIZE)[0]
    for points in (face(0.0, 0.1 / SIZE), face(0.1 / SIZE)):
        assert 0 < np.abs(jaw_mask(points, SIZE)[0] - before).max() < 1.6 * 0.1 / fall
