"""Small whole films and sounds in every container, some of them odd: to be damaged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_FILMS = {  # name: (format, codec of the pictures, of the sound, options)
    "plain.mp4": ("mp4", "libx264", "aac", {}),
    "fragments.mp4": ("mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    "edit.mov": ("mov", "libx264", "pcm_s16le", {"use_editlist": "1"}),
    "plain.mkv": ("matroska", "ffv1", "flac", {}),
    "plain.webm": ("webm", "libvpx-vp9", "libopus", {}),
    "plain.avi": ("avi", "mpeg4", "mp3", {}),
    "plain.ts": ("mpegts", "libx264", "aac", {}),
    "plain.mpg": ("mpeg", "mpeg1video", "mp2", {}),
}
_SOUNDS = {
    "plain.wav": ("wav", "pcm_s16le"),
    "float.wav": ("wav", "pcm_f32le"),
    "plain.mp3": ("mp3", "mp3"),
    "plain.flac": ("flac", "flac"),
    "plain.ogg": ("ogg", "libopus"),
}
_PICTURES, _RATE = 15, 48_000


def write_media(folder: Path) -> None:
    """A file of each kind, 0.6 s long."""
    for name, (format, pictures, sound, options) in _FILMS.items():
        with av.open(folder / name, "w", format=format, options=options) as container:
            video = container.add_stream(pictures, 25)
            video.width, video.height = 64, 48
            video.pix_fmt = "yuv420p"
            audio = container.add_stream(sound, _RATE, layout="stereo")
            shift = -3 if name.startswith("edit") else 0  # a start before time zero becomes an edit list
            for index in range(_PICTURES):
                frame = av.VideoFrame.from_ndarray(_picture(index), "rgb24")
                frame.pts, frame.time_base = index + shift, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            _sound(container, audio)
    for name, (format, codec) in _SOUNDS.items():
        with av.open(folder / name, "w", format=format) as container:
            _sound(container, container.add_stream(codec, _RATE, layout="stereo"))
    _change_of_size(folder / "sizes.ts")


def _picture(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


def _sound(container: av.container.OutputContainer, stream: av.AudioStream) -> None:
    values = np.random.default_rng(1).integers(-9000, 9000, (1, 2 * _RATE * _PICTURES // 25)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(values, "s16", "stereo")
    frame.sample_rate = _RATE
    resampler = av.AudioResampler(stream.format.name, "stereo", _RATE)
    fifo = av.AudioFifo()
    for piece in resampler.resample(frame):
        piece.pts = None
        fifo.write(piece)
    size, position = stream.codec_context.frame_size or 1024, 0
    while fifo.samples:
        piece = fifo.read(min(size, fifo.samples))
        piece.pts, piece.time_base = position, Fraction(1, _RATE)
        position += piece.samples
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def _change_of_size(path: Path) -> None:
    """A transport stream whose pictures change their size half-way, as a broadcast's do."""
    parts = []
    for number, (height, width) in enumerate(((48, 64), (64, 80))):
        part = path.with_name(f"part{number}.ts")
        with av.open(part, "w", format="mpegts") as container:
            video = container.add_stream("libx264", 25)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(_picture(index, height, width), "rgb24")
                frame.pts, frame.time_base = index + 10 * number, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))
