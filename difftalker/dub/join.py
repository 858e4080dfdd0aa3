"""Segments and sound joined into the film, without encoding pictures again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av

from difftalker.dub.sound import Sound, open_sound
from difftalker.files import replacing

# What MP4 and QuickTime hold and players play; Matroska holds everything.
_COPIED = frozenset({"aac", "mp3", "alac", "flac", "opus", "ac3", "eac3"})


def join_film(
    output: Path,
    segments: Sequence[Path],
    rate: Fraction,
    sound: Sound,
    metadata: Mapping[str, str],
    duration: float | None = None,
) -> None:
    """Write a film. It is whole or absent, and the same input gives the same bytes.

    The sound track is copied as it is where the container holds its codec; otherwise it becomes FLAC.

    Args:
        output: file to write; its suffix says the container.
        segments: files of `segment.write_segment`, in order.
        rate: pictures per second.
        sound: the sound; its source file is read again.
        metadata: texts to store.
        duration: seconds of sound to keep; all where absent.
    """
    kind = {".mkv": "matroska", ".mov": "mov"}.get(output.suffix.lower(), "mp4")
    options = {"fflags": "+bitexact"} | ({} if kind == "matroska" else {"movflags": "faststart"})
    with (
        replacing(output) as partial,
        open_sound(sound.source) as source,
        av.open(str(segments[0])) as first,
        av.open(str(partial), "w", format=kind, options=options) as container,
    ):
        container.metadata.update(metadata)
        video = container.add_stream_from_template(first.streams.video[0])
        video.time_base = 1 / rate
        track = source.streams.audio[0]
        if kind == "matroska" or track.codec_context.name in _COPIED:
            audio = container.add_stream_from_template(track)
            packets = _copied(source, audio, sound.start)
        else:
            audio = container.add_stream(
                "flac", rate=track.codec_context.sample_rate, layout=track.codec_context.layout
            )
            packets = _recoded(source, audio)
        waiting = next(packets, None)
        for index, packet in enumerate(_pictures(segments)):
            packet.stream = video
            packet.time_base = 1 / rate
            packet.pts = packet.dts = index
            packet.duration = 1
            while waiting is not None and waiting[0] <= index / rate and _within(waiting[0], duration):
                container.mux(waiting[1])
                waiting = next(packets, None)
            container.mux(packet)
        while waiting is not None and _within(waiting[0], duration):
            container.mux(waiting[1])
            waiting = next(packets, None)


def _within(time: float, duration: float | None) -> bool:
    return duration is None or time < duration


def _pictures(segments: Sequence[Path]) -> Iterator[av.Packet]:
    for path in segments:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    yield packet


def _copied(
    source: av.container.InputContainer, audio: av.AudioStream, start: float
) -> Iterator[tuple[float, av.Packet]]:
    track = source.streams.audio[0]
    for packet in source.demux(track):
        if not packet.size or packet.pts is None or packet.time_base is None:
            continue
        shift = round(start / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = audio
        yield float(packet.pts * packet.time_base), packet


def _recoded(source: av.container.InputContainer, audio: av.AudioStream) -> Iterator[tuple[float, av.Packet]]:
    track = source.streams.audio[0]
    wide = track.codec_context.format.name.rstrip("p") not in ("u8", "s16")
    audio.codec_context.format = av.AudioFormat("s32" if wide else "s16")
    done = 0
    for frame in source.decode(track):
        frame.pts, frame.time_base = done, Fraction(1, frame.sample_rate)
        for packet in audio.encode(frame):
            yield done / frame.sample_rate, packet
        done += frame.samples
    for packet in audio.encode(None):
        yield done / track.codec_context.sample_rate, packet
