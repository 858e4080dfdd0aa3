"""Pictures as colour planes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from difftalker.media.orientation import Orientation
from difftalker.media.planes import from_frame, to_frame, working_format


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p", "yuv422p10le", "yuv420p12le", "gbrp"])
@pytest.mark.parametrize("colour", [(5, 1), (1, 1), (1, 2)], ids=["bt601", "bt709", "full"])
def test_differences_arrive_in_any_format(name: str, colour: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    base = np.full((32, 48, 3), (120, 100, 90), np.uint8) + random.integers(0, 3, (32, 48, 1)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(base, format="rgb24")
    space = {5: "ITU601", 1: "ITU709"}[colour[0]]
    wide = {1: "MPEG", 2: "JPEG"}[colour[1]]
    if name != "gbrp":
        frame = frame.reformat(format=name, dst_colorspace=space, dst_color_range=wide)
        frame.colorspace, frame.color_range = colour
    else:
        frame = frame.reformat(format=name)
    picture = from_frame(frame, name, Orientation(48, 32))
    before = [plane.copy() for plane in picture.planes]
    area = (slice(8, 24), slice(4, 40))
    difference = np.zeros((16, 36, 3), np.float32)
    difference[4:12, 5:31] = (40, -30, 25)
    picture.add(area, difference)
    back = to_frame(picture, even=False).to_ndarray(format="rgb24").astype(int)
    inner = np.s_[14:18, 12:32]
    expected = picture.rgb[inner].astype(int) + difference[10, 20].astype(int)
    assert np.abs(back[inner] - expected).max() <= 3
    for plane, old in zip(picture.planes, before, strict=True):
        down, across = (-(-a // b) for a, b in zip((32, 48), plane.shape, strict=True))
        kept = np.ones(plane.shape, bool)
        kept[12 // down : 20 // down, 9 // across : 35 // across + 1] = False
        assert np.array_equal(plane[kept], old[kept])


@pytest.mark.parametrize(
    ("stored", "lossless", "expected"),
    [
        ("yuvj420p", True, "yuv420p"),
        ("nv12", True, "yuv420p"),
        ("yuv422p", False, "yuv420p"),
        ("yuv422p10le", True, "yuv422p10le"),
        ("p010le", False, "yuv420p10le"),
        ("yuva444p12le", True, "yuv444p12le"),
        ("rgba", True, "gbrp"),
        ("rgb24", False, "yuv420p"),
        ("gray", True, "yuv420p"),
    ],
)
def test_working_formats(stored: str, lossless: bool, expected: str) -> None:
    assert working_format(stored, lossless) == expected
