"""Which streams of a file are its picture and its sound, and files whose names or kinds mislead."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from difftalker.errors import UserError
from difftalker.media.decode import decode_audio
from difftalker.media.probe import probe
from difftalker.media.tracks import picture_stream
from tests.footage import write_footage

RATE = 16_000


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    """(1, n) int16."""
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)[None]


def pictures(count: int = 25, level: int = 200) -> list[np.ndarray]:
    return [np.full((64, 64, 3), level, np.uint8) for _ in range(count)]


def write(path: Path, sounds: list[np.ndarray], default: int = 0) -> None:
    """A Matroska file of grey pictures with sound tracks of (channels, n) int16."""
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        tracks = []
        for number, sound in enumerate(sounds):
            track = container.add_stream("flac", rate=RATE, layout=["mono", "stereo"][len(sound) - 1])
            track.disposition = av.stream.Disposition.default if number == default else av.stream.Disposition(0)
            tracks.append(track)
        for picture in pictures():
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(video.encode(None))
        for track, sound in zip(tracks, sounds, strict=True):
            packed = np.ascontiguousarray(sound.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=track.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            container.mux(track.encode(frame) + track.encode(None))


def heard(path: Path) -> float:
    """Hertz of the loudest tone; 0 in silence."""
    sound = np.concatenate(list(decode_audio(path, RATE))).astype(float)
    spectrum = np.abs(np.fft.rfft(sound))
    return float(spectrum.argmax() / len(sound) * RATE) if sound.any() else 0.0


@pytest.mark.parametrize("default", [0, 1])
def test_the_default_sound_track_is_heard(tmp_path: Path, default: int) -> None:
    write(tmp_path / "film.mkv", [tone(300), tone(700)], default)
    assert heard(tmp_path / "film.mkv") == (300, 700)[default]


def test_channels_that_cancel_each_other_are_heard_alone(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", [np.concatenate([tone(300), -tone(300)])])
    assert heard(tmp_path / "film.mkv") == 300


def test_channels_that_differ_are_mixed(tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", [np.concatenate([tone(300), tone(700)])])
    sound = np.concatenate(list(decode_audio(tmp_path / "film.mkv", RATE))).astype(float)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum[300] == pytest.approx(spectrum[700], rel=0.05)


def test_a_cover_picture_is_not_the_film() -> None:
    """FFmpeg's muxers write covers behind the film; other programs write them before it."""
    kinds = av.stream.Disposition
    cover, film = (SimpleNamespace(disposition=kind) for kind in (kinds.attached_pic, kinds.default))
    for order in ([cover, film], [film, cover]):
        container: Any = SimpleNamespace(streams=SimpleNamespace(video=order))
        assert picture_stream(container) is film
    container = SimpleNamespace(streams=SimpleNamespace(video=[cover]))
    assert picture_stream(container) is None


def test_a_name_with_a_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_footage(tmp_path / "take 1: good.mp4", pictures(), 25.0)
    monkeypatch.chdir(tmp_path)
    assert probe("take 1: good.mp4").frames == 25


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UserError, match=r"pipe.mp4: is a pipe or a device"):
        probe(tmp_path / "pipe.mp4")


def test_files_put_together_byte_by_byte_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_footage(tmp_path / f"{name}.mp4", pictures(75), 25.0, np.zeros(3 * RATE, np.int16), RATE)
        with av.open(str(tmp_path / f"{name}.mp4")) as source, av.open(str(tmp_path / f"{name}.ts"), "w") as target:
            streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert probe(tmp_path / "a.ts").frames == 75
    with pytest.raises(UserError, match=r"both.ts: its time begins anew after .* s, as in files put together"):
        probe(both)
