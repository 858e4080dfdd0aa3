"""Which shots show the speaker."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from difftalker.dub.identity import (
    DESCRIPTOR_HEIGHT,
    DESCRIPTOR_WIDTH,
    choose_descriptors,
    mean_descriptor,
    speaker_shots,
    upper_face_descriptor,
)
from difftalker.face.crop import cut_crop
from tests.dub.tiny_face import SIZE, Tiny, pictures

LENGTH = DESCRIPTOR_WIDTH * DESCRIPTOR_HEIGHT


def test_descriptors_do_not_depend_on_light_size_and_place(tiny: Tiny) -> None:
    crop, points = cut_crop(pictures(1)[0], tiny.footage_face.transforms[0], SIZE), tiny.footage_face.landmarks[0]
    descriptor = upper_face_descriptor(crop, points)
    assert descriptor.shape == (LENGTH,) and np.linalg.norm(descriptor) == pytest.approx(1, abs=1e-5)
    scaled = crop.astype(float) / 255
    side = np.linspace(0.5, 1.0, SIZE)[:, None]
    for light in (0.5 * scaled, scaled**0.7, scaled**1.4, scaled * (1.0, 0.8, 0.6), scaled * side):
        assert upper_face_descriptor(np.rint(255 * light).astype(np.uint8), points) @ descriptor > 0.9
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), 12, 0.9)
    turned = cv2.warpAffine(crop, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    pixels = points * SIZE - 0.5
    assert upper_face_descriptor(turned, (pixels @ matrix[:, :2].T + matrix[:, 2] + 0.5) / SIZE) @ descriptor > 0.9
    below = crop.copy()
    below[round(float(points[33, 1]) * SIZE) + 4 :] = 0  # what the mouth does is not looked at
    assert np.array_equal(upper_face_descriptor(below, points), descriptor)


def test_which_shots_are_the_speaker_s() -> None:
    random = np.random.default_rng(0)
    known, others = (mean_descriptor([random.normal(size=LENGTH)]) for _ in range(2))

    def like(share: float) -> np.ndarray:
        return mean_descriptor([share * known + np.sqrt(1 - share**2) * (others - others @ known * known)])

    descriptors = np.stack([like(0.95), like(0.4), like(0.7), like(0.7), np.zeros(LENGTH, np.float32)])
    deviation = np.array([0.3, 0.3, 0.3, 1.0, 0.0])
    assert speaker_shots(descriptors, deviation, known[None]).tolist() == [True, False, True, False, True]
    assert speaker_shots(descriptors[1:2], deviation[1:2], known[None]).tolist() == [
        True
    ]  # all or nothing is no judgement


def test_descriptors_are_chosen_to_differ() -> None:
    random = np.random.default_rng(0)
    centres = [mean_descriptor([random.normal(size=LENGTH)]) for _ in range(3)]
    descriptors = np.stack(
        [mean_descriptor([centre + 0.01 * random.normal(size=LENGTH)]) for centre in centres for _ in range(5)]
    )
    chosen = choose_descriptors(descriptors, 3)
    assert sorted(int(np.argmax(descriptor @ np.stack(centres).T)) for descriptor in chosen) == [0, 1, 2]
    assert len(choose_descriptors(descriptors[:2], 8)) == 2
    assert np.array_equal(mean_descriptor([]), np.zeros(LENGTH))
