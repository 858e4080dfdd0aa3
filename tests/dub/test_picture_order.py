"""The order of pictures."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from difftalker.dub.picture_order import picture_order, turning_points


@given(st.integers(1, 300), st.integers(1, 40), st.data())
def test_successive_frames_show_neighbours(frames: int, pictures: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, pictures - 1))
    last = data.draw(st.integers(first, pictures - 1))
    order = picture_order(frames, pictures, (first, last))
    assert len(order) == frames and order.min() >= 0 and order.max() < pictures
    assert np.all(np.abs(np.diff(order)) <= 1)
    if frames <= pictures:
        assert np.array_equal(order, np.arange(frames))
    else:
        assert order.min() >= first and order.max() <= last


def test_it_turns_where_the_head_is_still() -> None:
    places = np.cumsum(np.ones((100, 2)), axis=0)
    places[12:15] = places[12]
    places[90:93] = places[90]
    assert turning_points(places, 25.0) == (13, 91)
