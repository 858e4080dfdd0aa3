"""Segments of a film on disk."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.media.orientation import Orientation
from difftalker.media.planes import from_frame


@pytest.mark.parametrize("format", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("size", [(64, 48), (65, 50), (66, 49), (67, 48), (64, 51), (67, 51)])
def test_lossless_at_every_size(tmp_path: Path, size: tuple[int, int], format: str) -> None:
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    picture = from_frame(av.VideoFrame.from_ndarray(noise).reformat(format=format), format, Orientation(*size))
    encoding = choose_encoding("lossless", format, Path("film.mkv"))
    assert write_segment(tmp_path / "segment.mkv", [picture] * 2, encoding, Fraction(25)) == 2
    with av.open(str(tmp_path / "segment.mkv")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 2 and (frames[0].width, frames[0].height) == size
    for plane, kept in zip(picture.planes, from_frame(frames[0], format, Orientation(*size)).planes, strict=True):
        assert np.array_equal(plane, kept)
