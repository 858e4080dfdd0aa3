from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.audio.windows import row_count, windows


def numbered(count: int) -> np.ndarray:
    return np.repeat(np.arange(1, count + 1, dtype=np.float32)[:, None], 29, axis=1)


def test_row_count() -> None:
    assert [row_count(t) for t in (0.0, 0.01, 0.009, 1.0, 2.98, 3.0)] == [0, 1, 0, 50, 149, 150]


def test_at_25_fps_the_stride_is_two_and_eight_rows_are_padded() -> None:
    found = windows(numbered(150), 75, 25.0)
    assert found.shape == (75, 16, 29) and found.dtype == np.float32
    assert found[0, :, 0].tolist() == [0] * 8 + [1, 2, 3, 4, 5, 6, 7, 8]
    assert found[10, :, 28].tolist() == list(range(13, 29))
    assert found[74, :, 0].tolist() == [*range(141, 151), *[0] * 6]


def test_padding_is_the_given_value() -> None:
    found = windows(numbered(4), 3, 25.0, -1.0)
    assert found[0, :, 0].tolist() == [-1] * 8 + [1, 2, 3, 4] + [-1] * 4
    assert windows(numbered(4), 0, 25.0).shape == (0, 16, 29)


@given(st.integers(1, 60), st.sampled_from([10.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0]))
def test_windows_are_centred_on_their_frame(frames: int, fps: float) -> None:
    rows = numbered(row_count(frames / fps))
    found = windows(rows, frames, fps)
    for v in range(frames):
        for k in range(16):
            row = int(np.floor(50 * v / fps + 0.5 + 1e-9)) - 8 + k
            assert found[v, k, 0] == (row + 1 if 0 <= row < len(rows) else 0)
        middle = (np.floor(50 * v / fps + 0.5 + 1e-9)) / 50  # between rows -1 and 0 of the eight
        assert middle == pytest.approx(v / fps, abs=0.0101)
