"""How sound is carried into a film: copied where the container holds its codec, lossless where not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from difftalker.dub.join import join_film
from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.dub.sound import spool_sound
from difftalker.errors import UserError
from difftalker.media.orientation import Orientation
from difftalker.media.planes import from_frame
from tests.dub.conftest import syllables

RATE = Fraction(25)


def code(path: Path, codec: str, rate: int = 16_000, channels: str = "mono") -> Path:
    """A second of syllables in some codec."""
    plain = {"id3v2_version": "0", "write_xing": "0"} if codec == "libmp3lame" else {}
    with av.open(str(path), "w", options=plain) as container:
        track = container.add_stream(codec, rate=rate, layout=channels)
        assert isinstance(track, av.AudioStream)
        track.bit_rate = 64_000
        count = track.layout.nb_channels
        frame = av.AudioFrame.from_ndarray(
            np.repeat(syllables(1.0), count).reshape(1, -1), format="s16", layout=channels
        )
        frame.sample_rate = 16_000
        for out in av.AudioResampler(track.format, channels, rate).resample(frame):
            container.mux(track.encode(out))
        container.mux(track.encode(None))
    return path


@pytest.fixture(scope="module")
def segment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("segment") / "000000.mkv"
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8)).reformat(format="yuv420p")
    picture = from_frame(frame, "yuv420p", Orientation(64, 64))
    write_segment(path, [picture] * 25, choose_encoding("h264", "yuv420p", (64, 64)), RATE)
    return path


@pytest.fixture
def joined(segment: Path, tmp_path: Path) -> Callable[[Path, str], tuple[str, float]]:
    """Name of the codec that a sound has in a film of some suffix, and how long it is heard there."""

    def join(sound: Path, suffix: str) -> tuple[str, float]:
        film = tmp_path / f"film{suffix}"
        join_film(film, [segment], RATE, spool_sound(sound, tmp_path / "spool.wav"), {})
        with av.open(str(film)) as container:
            track = container.streams.audio[0]
            samples = sum(frame.samples for frame in container.decode(track))
            return track.codec_context.codec.canonical_name, samples / track.codec_context.sample_rate

    return join


@pytest.mark.parametrize(
    ("codec", "name", "expected"),
    [
        ("libmp3lame", "a.mp3", {".mp4": "mp3", ".mov": "mp3", ".mkv": "mp3"}),
        ("aac", "a.m4a", {".mp4": "aac", ".mov": "aac", ".mkv": "aac"}),
        ("flac", "a.flac", {".mp4": "flac", ".mov": "alac", ".mkv": "flac"}),
        ("pcm_s16le", "a.wav", {".mp4": "flac", ".mov": "pcm_s16le", ".mkv": "pcm_s16le"}),
        ("pcm_mulaw", "a.wav", {".mp4": "flac", ".mov": "alac", ".mkv": "flac"}),
        ("adpcm_ms", "a.wav", {".mp4": "flac", ".mov": "alac", ".mkv": "flac"}),
        ("wmav2", "a.wma", {".mp4": "flac", ".mov": "alac", ".mkv": "flac"}),
    ],
)
def test_every_sound_reaches_every_container(
    joined: Callable[[Path, str], tuple[str, float]], tmp_path: Path, codec: str, name: str, expected: dict[str, str]
) -> None:
    sound = code(tmp_path / name, codec)
    for suffix, wanted in expected.items():
        found, seconds = joined(sound, suffix)
        assert found == wanted
        assert seconds == pytest.approx(1.0, abs=0.15)


def test_twelve_channels_become_two(joined: Callable[[Path, str], tuple[str, float]], tmp_path: Path) -> None:
    sound = code(tmp_path / "a.wav", "pcm_f32le", channels="7.1.4")
    for suffix, wanted in {".mp4": "flac", ".mov": "alac", ".mkv": "flac"}.items():
        assert joined(sound, suffix) == (wanted, pytest.approx(1.0, abs=0.01))


def test_a_rate_that_changes_on_the_way(joined: Callable[[Path, str], tuple[str, float]], tmp_path: Path) -> None:
    first = code(tmp_path / "a.mp3", "libmp3lame", 44_100).read_bytes()
    second = code(tmp_path / "b.mp3", "libmp3lame", 24_000, "stereo").read_bytes()
    (tmp_path / "both.mp3").write_bytes(first + second)
    sound = spool_sound(tmp_path / "both.mp3", tmp_path / "spool.wav")
    assert sound.duration == pytest.approx(2.0, abs=0.3)
    assert sound.power[:45].max() > 1e-3 and sound.power[-45:].max() > 1e-3
    assert joined(tmp_path / "both.mp3", ".mp4")[0] == "mp3"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])  # recoded for the one, copied into the other
def test_the_chosen_sound_track_is_heard_and_carried_over(segment: Path, tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "two.mkv"
    time = np.arange(16_000) / 16_000
    with av.open(str(source), "w") as container:
        tracks = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for track, hertz in zip(tracks, (300, 700), strict=True):
            frame = av.AudioFrame.from_ndarray((8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)[None])
            frame.sample_rate = 16_000
            container.mux(track.encode(frame) + track.encode(None))
    sound = spool_sound(source, tmp_path / "spool.wav", 2)
    assert np.abs(np.fft.rfft(sound.mapped())).argmax() == 700
    film = tmp_path / f"film{suffix}"
    join_film(film, [segment], RATE, sound, {})
    assert np.abs(np.fft.rfft(spool_sound(film, tmp_path / "again.wav").mapped())).argmax() == 700
    with pytest.raises(UserError, match=r"two\.mkv: has no sound track 3; choose one of 2$"):
        spool_sound(source, tmp_path / "spool.wav", 3)
