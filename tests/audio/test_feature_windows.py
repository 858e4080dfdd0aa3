from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.audio.feature_windows import RowReader, cut_feature_windows, row_count


def numbered(first: int, last: int) -> np.ndarray:
    """Row i holds i."""
    return np.repeat(np.arange(first, last, dtype=np.float32)[:, None], 29, axis=1)


def test_row_count() -> None:
    assert [row_count(t) for t in (0.0, 0.01, 0.009, 1.0, 2.98, 3.0)] == [0, 1, 0, 50, 149, 150]


def test_at_25_fps_the_stride_is_two() -> None:
    found = cut_feature_windows(numbered, 0, 75, 25.0)
    assert found.shape == (75, 16, 29) and found.dtype == np.float32
    assert found[0, :, 0].tolist() == list(range(-8, 8))
    assert found[10, :, 28].tolist() == list(range(12, 28))
    assert (
        cut_feature_windows(numbered, 0, 0, 25.0).shape
        == cut_feature_windows(numbered, 7, 7, 25.0).shape
        == (0, 16, 29)
    )


@given(st.integers(0, 50), st.integers(1, 60), st.sampled_from([10.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0]))
def test_windows_are_centred_on_their_frame(first: int, frames: int, fps: float) -> None:
    asked = []

    def read(begin: int, end: int) -> np.ndarray:
        asked.append((begin, end))
        return numbered(begin, end)

    reader: RowReader = read
    found = cut_feature_windows(reader, first, first + frames, fps)
    assert len(asked) == 1
    for index in range(frames):
        middle = (found[index, :, 0].mean() + 0.5) / 50  # a row stands for 20 ms from its number on
        assert middle == pytest.approx((first + index) / fps, abs=0.0101)
