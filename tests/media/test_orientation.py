"""Display matrices: turned and mirrored pictures."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.dub.footage import Footage
from difftalker.media.decode import decode_frames, key_pictures
from difftalker.media.probe import probe
from tests.footage import write_footage

ONE = 1 << 16


def film(path: Path, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """A still picture of four tones, 64 wide and 48 high, whose file asks for x' = a x + c y, y' = b x + d y."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32], picture[24:, 32:] = 40, 90, 150, 220
    write_footage(path, [picture] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and numbers, layer and volume
    a, b, c, d = (value * ONE for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return picture


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((-1, 0, 0, -1), lambda picture: picture[::-1, ::-1]),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: np.rot90(picture.transpose(1, 0, 2), 2)),
    ],
)
def test_pictures_stand_as_the_file_asks(tmp_path: Path, matrix: tuple[int, int, int, int], shown: object) -> None:
    wanted = shown(film(tmp_path / "film.mp4", matrix))  # type: ignore[operator]
    decoded = next(decode_frames(tmp_path / "film.mp4", 25.0))
    assert decoded.shape == wanted.shape and np.abs(decoded.astype(int) - wanted).max() < 4
    footage = Footage(tmp_path / "film.mp4", lossless=True)
    list(footage.scan(3))
    kept = next(footage.read(np.arange(1)))
    assert np.abs(kept.rgb.astype(int) - wanted).max() < 4
    assert kept.planes[0].shape == wanted.shape[:2]


@pytest.mark.parametrize(("ratio", "size"), [(Fraction(64, 45), (91, 48)), (Fraction(8, 9), (64, 54))])
def test_pixels_are_made_square(tmp_path: Path, ratio: Fraction, size: tuple[int, int]) -> None:
    film(tmp_path / "square.mp4", (1, 0, 0, 1))
    with (
        av.open(str(tmp_path / "square.mp4")) as source,
        av.open(str(tmp_path / "film.mp4"), "w") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.codec_context.sample_aspect_ratio = ratio
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    info = probe(tmp_path / "film.mp4")
    assert (info.width, info.height) == size
    width, height = size
    assert next(decode_frames(tmp_path / "film.mp4", 25.0)).shape == (height, width, 3)
    assert next(key_pictures(tmp_path / "film.mp4", [0.0])).shape == (height, width, 3)
    footage = Footage(tmp_path / "film.mp4", lossless=True)
    list(footage.scan(3))
    assert next(footage.read(np.arange(1))).planes[0].shape == (height, width)
