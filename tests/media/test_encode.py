from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.media.decode import decode_audio, decode_frames
from difftalker.media.encode import write_video
from difftalker.media.probe import probe

BARS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 120, 120), (250, 250, 250), (220, 180, 150)]


def bars(height: int = 64, width: int = 96) -> np.ndarray:
    return np.repeat(np.repeat(np.array(BARS, np.uint8)[None], width // 6, axis=1), height, axis=0)


def test_pictures_and_colours_come_back(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [bars()] * 30, 25.0)
    found = list(decode_frames(tmp_path / "a.mp4", 25.0))
    assert len(found) == 30
    for index, colour in enumerate(BARS):
        assert np.abs(found[20][32, 16 * index + 8].astype(int) - colour).max() <= 4


def test_sound_lies_where_it_was(tmp_path: Path) -> None:
    sound = np.zeros(32_000, np.int16)
    sound[20_000] = 30_000
    write_video(tmp_path / "a.mp4", [bars()] * 50, 25.0, sound)
    found = np.concatenate(list(decode_audio(tmp_path / "a.mp4", 32_000)))
    assert abs(int(np.abs(found.astype(int)).argmax()) - 20_000) <= 2


def test_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, [bars()] * 10, 25.0, np.zeros(6_400, np.int16), {"title": "t", "comment": "synthetic"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert (container.metadata["title"], container.metadata["comment"]) == ("t", "synthetic")
    data = path.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (12, 64, 96, 3), dtype=np.uint8)
    sound = rng.integers(-9000, 9000, 7_680).astype(np.int16)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, pictures, 25.0, sound)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_odd_sizes_gain_a_row_and_a_column(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [bars()[:63, :95]] * 5, 25.0)
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height) == (96, 64)


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="picture 1"):
        write_video(tmp_path / "a.mp4", [bars(), bars(32)], 25.0)
    with pytest.raises(ValueError, match="at least one"):
        write_video(tmp_path / "a.mp4", [], 25.0)
    with pytest.raises(ValueError, match="mood"):
        write_video(tmp_path / "a.mp4", [bars()], 25.0, metadata={"mood": "good"})
    assert list(tmp_path.iterdir()) == []
