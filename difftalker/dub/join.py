"""Segments and sound joined into the film, without encoding pictures again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.audio.resampler import AudioResampler

from difftalker.dub.sound import Sound, open_sound, sound_of
from difftalker.files import replacing

# What the containers hold and players play; what else there is becomes lossless.
_COPIED = {
    "mp4": frozenset({"aac", "mp3", "alac", "flac", "opus", "ac3", "eac3"}),
    "mov": frozenset({"aac", "mp3", "alac", "ac3", "eac3", "pcm_s16le", "pcm_s24le"}),
    "matroska": frozenset({"aac", "mp3", "alac", "flac", "opus", "vorbis", "ac3", "eac3", "pcm_s16le", "pcm_s24le"}),
}
_LOSSLESS = {"mp4": "flac", "mov": "alac", "matroska": "flac"}
_USUAL_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
_MOST_CHANNELS = len(_USUAL_LAYOUTS)  # of the lossless codecs


def join_film(
    output: Path,
    segments: Sequence[Path],
    rate: Fraction,
    sound: Sound,
    metadata: Mapping[str, str],
    duration: float | None = None,
) -> None:
    """Write a film. It is whole or absent, and the same input gives the same bytes.

    The sound track is copied as it is where the container holds its codec; otherwise it becomes FLAC, in QuickTime
    ALAC, and more than eight channels become two.

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
        open_sound(sound.source, sound.track) as source,
        av.open(str(segments[0])) as first,
        av.open(str(partial), "w", format=kind, options=options) as container,
    ):
        container.metadata.update(metadata)
        video = container.add_stream_from_template(first.streams.video[0])
        video.time_base = 1 / rate
        track = sound_of(source, sound.track)
        if track.codec_context.codec.canonical_name in _COPIED[kind]:
            audio = container.add_stream_from_template(track)
            packets = _copied(source, track, audio, sound.start)
        else:
            packets = _recoded(source, track, container, _LOSSLESS[kind])
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
    source: av.container.InputContainer, track: av.AudioStream, audio: av.AudioStream, start: float
) -> Iterator[tuple[float, av.Packet]]:
    for packet in source.demux(track):
        if not packet.size or packet.pts is None or packet.time_base is None:
            continue
        shift = round(start / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = audio
        yield float(packet.pts * packet.time_base), packet


def _recoded(
    source: av.container.InputContainer, track: av.AudioStream, container: av.container.OutputContainer, codec: str
) -> Iterator[tuple[float, av.Packet]]:
    context = track.codec_context
    rate = context.sample_rate
    count = context.layout.nb_channels
    layout = context.layout.name if count <= _MOST_CHANNELS else "stereo"
    if layout.endswith("channels"):  # the file does not say which they are
        layout = _USUAL_LAYOUTS[count - 1]
    wide = context.format.name.rstrip("p") not in ("u8", "s16")
    audio = container.add_stream(codec, rate=rate, layout=layout)
    assert isinstance(audio, av.AudioStream)
    audio.codec_context.format = ("s32" if wide else "s16") + ("p" if codec == "alac" else "")
    return _encoded(source.decode(track), audio, rate)


def _encoded(frames: Iterator[av.AudioFrame], audio: av.AudioStream, rate: int) -> Iterator[tuple[float, av.Packet]]:
    context = audio.codec_context
    resampler: AudioResampler | None = None
    setup: tuple[str, str, int] | None = None
    done = 0

    def encode(pieces: list[av.AudioFrame]) -> Iterator[tuple[float, av.Packet]]:
        nonlocal done
        for piece in pieces:
            piece.pts, piece.time_base = done, Fraction(1, rate)
            for packet in audio.encode(piece):
                yield done / rate, packet
            done += piece.samples

    for frame in frames:
        found = frame.format.name, frame.layout.name, frame.sample_rate
        if resampler is None or found != setup:
            if resampler is not None:
                yield from encode(resampler.resample(None))
            resampler, setup = AudioResampler(context.format, context.layout, rate), found
        frame.pts = None
        yield from encode(resampler.resample(frame))
    if resampler is not None:
        yield from encode(resampler.resample(None))
    for packet in audio.encode(None):
        yield done / rate, packet
