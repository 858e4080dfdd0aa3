from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.dub.sound import open_sound
from difftalker.errors import UserError
from difftalker.media.probe import list_videos, probe, validate_video
from tests.footage import flat, noise, write_footage


def refusal(call, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_describes_a_file(tmp_path: Path) -> None:
    path = write_footage(tmp_path / "a.mp4", flat(range(50), 36, 64), 50.0, noise(1.0, 44_100), 44_100)
    info = validate_video(path)
    assert (info.width, info.height, info.frames, info.rotation) == (64, 36, 50, 0)
    assert info.duration == pytest.approx(1.0, abs=1e-4)
    assert info.fps == pytest.approx(50.0, abs=1e-3)
    assert not info.variable
    assert (info.has_audio, info.audio_rate, info.codec) == (True, 44_100, "h264")


def test_sees_a_variable_rate_and_a_rotation(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.2, 0.24, 0.28]
    info = probe(write_footage(tmp_path / "a.mp4", flat(range(6), 36, 64), times, rotation=90))
    assert info.variable
    assert (info.width, info.height, info.rotation) == (36, 64, 90)


def test_ntsc_rate_is_constant(tmp_path: Path) -> None:
    info = probe(write_footage(tmp_path / "a.mp4", flat(range(60)), 30000 / 1001))
    assert not info.variable
    assert info.fps == pytest.approx(29.97, abs=0.01)


@pytest.mark.parametrize("content", [b"", b"not a video at all\n" * 50])
def test_refuses_empty_and_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    message = refusal(validate_video, path)
    assert str(path) in message
    assert ("is empty" in message) == (not content)


def test_texts_that_are_no_utf_8_are_let_be(tmp_path: Path) -> None:
    """A title in another encoding, as old cameras and recorders write it."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Vorspann"
        stream = container.add_stream("ffv1", 25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        sound = container.add_stream("pcm_s16le", 16_000)
        container.mux(stream.encode(av.VideoFrame(48, 32, "yuv420p")))
        container.mux(stream.encode(None))
        silent = av.AudioFrame.from_ndarray(np.zeros((1, 640), np.int16), "s16", "mono")
        silent.sample_rate = 16_000
        container.mux(sound.encode(silent))
        container.mux(sound.encode(None))
    path.write_bytes(path.read_bytes().replace(b"Vorspann", b"Vorsp\xe4nn"))
    assert probe(path).width == 48
    with open_sound(path) as opened:
        assert opened.streams.audio


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    assert str(tmp_path / "none.mp4") in refusal(validate_video, tmp_path / "none.mp4")


def test_refuses_a_file_without_sound(tmp_path: Path) -> None:
    path = write_footage(tmp_path / "mute.mp4", flat(range(10)))
    message = refusal(validate_video, path)
    assert str(path) in message and "sound" in message
    assert probe(path).frames == 10


def test_refuses_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "speech.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise(0.5)[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    message = refusal(validate_video, path)
    assert str(path) in message and "no video" in message


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.8])
def test_refuses_a_truncated_file(tmp_path: Path, kept: float) -> None:
    pictures = list(np.random.default_rng(0).integers(0, 255, (100, 32, 48, 3), dtype=np.uint8))
    whole = write_footage(tmp_path / "whole.mp4", pictures, 25.0, noise(4.0))
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
    assert str(path) in refusal(validate_video, path)


def test_lists_only_videos_by_clip_name(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MPG", "c.mov", "notes.txt", "table.parquet", "x.json", ".gitignore", ".hidden.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in list_videos(tmp_path)] == ["a.MPG", "b.mp4", "c.mov"]


def test_refuses_two_files_of_one_clip_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.mov").touch()
    message = refusal(list_videos, tmp_path)
    assert "a.mov" in message and "a.mp4" in message


def test_refuses_a_folder_without_video(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert str(tmp_path) in refusal(list_videos, tmp_path)
    assert "none" in refusal(list_videos, tmp_path / "none")
