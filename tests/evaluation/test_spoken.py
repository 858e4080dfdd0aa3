"""Where the evaluation finds silence."""

import numpy as np

from difftalker.evaluation.place import in_picture
from difftalker.evaluation.samples import relative_opening
from difftalker.evaluation.spoken import silent_frames

RNG = np.random.default_rng(0)


def test_a_pause_is_silent_once_the_mouth_has_closed() -> None:
    loud = RNG.normal(0, 3000, 3 * 16000).clip(-32768, 32767).astype(np.int16)
    loud[16000:32000] = 0  # the second of three seconds
    silent = silent_frames(loud, 75, 25.0)
    assert not silent[:29].any() and not silent[47:].any()  # 0.16 s for the mouth to close, and to open
    assert silent[30:46].all()


def test_steady_sound_has_no_silence() -> None:
    assert not silent_frames(RNG.normal(0, 3000, 16000).astype(np.int16), 25, 25.0).any()


def test_landmarks_return_to_the_picture() -> None:
    points = RNG.random((68, 2))
    transform = np.array([0.5, 0.1, 3.0, -0.1, 0.5, -7.0])
    pixels = in_picture(points, transform, 64)
    matrix = transform.reshape(2, 3)
    np.testing.assert_allclose((pixels @ matrix[:, :2].T + matrix[:, 2]) / 64, points)


def test_the_opening_is_a_share_of_the_face_in_any_unit() -> None:
    points = np.zeros((1, 68, 2))
    points[0, 16, 0], points[0, 66, 1] = 80, 4
    assert relative_opening(points) == relative_opening(points / 128) == 0.05
