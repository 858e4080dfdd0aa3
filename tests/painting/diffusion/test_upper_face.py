import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from difftalker.painting.diffusion.upper_face import composite, upper_face

images = arrays(np.uint8, (16, 8, 3))


@given(images, images, images)
def test_the_source_s_lower_half_has_no_influence(source: np.ndarray, other: np.ndarray, made: np.ndarray) -> None:
    changed = np.concatenate([source[:8], other[8:]])
    assert np.array_equal(composite(source, made), composite(changed, made))
    assert np.array_equal(upper_face(source), upper_face(changed))


@given(images, images)
def test_source_above_generated_below(source: np.ndarray, made: np.ndarray) -> None:
    result = composite(source, made)
    assert np.array_equal(result[:7], source[:7])  # 1/16 of the height is the blended band
    assert np.array_equal(result[8:], made[8:])


@given(images)
def test_equal_pictures_are_unchanged(source: np.ndarray) -> None:
    assert np.array_equal(composite(source, source), source)


def test_the_band_rises_to_the_split() -> None:
    source, made = np.zeros((64, 2, 3), np.uint8), np.full((64, 2, 3), 200, np.uint8)
    column = composite(source, made)[:, 0, 0].astype(int)
    assert column[27] == 0 and column[28:33].tolist() == [25, 75, 125, 175, 200]


def test_the_upper_face_is_mirrored() -> None:
    image = np.arange(4 * 1 * 3, dtype=np.uint8).reshape(4, 1, 3)
    assert np.array_equal(upper_face(image), image[[0, 1, 1, 0]])
