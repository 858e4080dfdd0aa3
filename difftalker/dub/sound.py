"""Speech that drives a face: any file with sound, spooled once to 16 kHz so that every part of it can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av import AudioStream
from av.container import InputContainer

from difftalker.audio.voice_activity import active_speech_level, row_power
from difftalker.errors import UserError
from difftalker.media.decode import audible_channel, timed_sound
from difftalker.media.tracks import check_regular_file, check_time_goes_on, file_url, sound_stream
from difftalker.media.wav import AUDIO_RATE, write_wav

_HEADER = 44  # bytes before the samples in the spooled file
_SILENT = 1e-6  # mean power (-60 dB of full scale) that no 20 ms of a silent sound exceed


@dataclass(frozen=True)
class Sound:
    """A sound, mono at 16 kHz, on disk.

    Attributes:
        source: the file that it comes from.
        track: which of its sound tracks, from 1; None: its default.
        spool: the samples, a WAV file.
        start: what the source's clock shows at the first sample, seconds.
        duration: seconds.
        power: mean power of every 20 ms, (rows,) float64; full scale is 1.
        level: active speech level, a power; see `audio.voice_activity.active_speech_level`.
    """

    source: Path
    track: int | None
    spool: Path
    start: float
    duration: float
    power: np.ndarray
    level: float

    @property
    def samples(self) -> int:
        """Number of samples."""
        return (self.spool.stat().st_size - _HEADER) // 2

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear in it."""
        return not (self.power > _SILENT).any()

    def mapped(self) -> np.ndarray:
        """All samples, (n,) int16, read from the disk where they are looked at."""
        return np.memmap(self.spool, "<i2", "r", _HEADER, (self.samples,)) if self.samples else np.zeros(0, np.int16)

    def read(self, first: int, last: int) -> np.ndarray:
        """Samples `first` to `last` (exclusive), (last - first,) int16; zeros before the start and beyond the end."""
        begin, end = max(first, 0), min(last, self.samples)
        piece = np.zeros(last - first, np.int16)
        if end > begin:
            with self.spool.open("rb") as file:
                file.seek(_HEADER + 2 * begin)
                piece[begin - first : end - first] = np.frombuffer(file.read(2 * (end - begin)), "<i2")
        return piece


@contextmanager
def open_sound(path: Path, track: int | None = None) -> Iterator[InputContainer]:
    """Open a file with a sound track.

    Args:
        path: the file.
        track: which of several tracks, from 1; None: the default one.

    Raises:
        UserError: it is missing, empty, damaged, or has no sound or no such track.
    """
    check_regular_file(path, "sound")
    try:
        container = av.open(file_url(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise UserError(
            f"{path}: not a readable sound file ({ffmpeg_reason(error)}); copy or export it again"
        ) from None
    with container:
        count = len(container.streams.audio)
        if not count:
            raise UserError(f"{path}: holds no sound; give a file with a sound track")
        if sound_stream(container, track) is None:
            raise UserError(f"{path}: has no sound track {track}; choose one of {count}")
        yield container


def sound_of(container: InputContainer, track: int | None = None) -> AudioStream:
    """The sound track of a file that `open_sound` has opened, with the same `track`."""
    stream = sound_stream(container, track)
    assert stream is not None
    return stream


def ffmpeg_reason(error: av.FFmpegError) -> str:
    """What FFmpeg says is wrong."""
    return (error.strerror or str(error)).strip().lower()


def spool_sound(source: str | Path, spool: Path, track: int | None = None) -> Sound:
    """Decode a file's sound track once. Gaps in it are silence; memory does not grow with its length.

    Args:
        source: any file that FFmpeg reads.
        spool: WAV file to write.
        track: which of several sound tracks, from 1; None: the default one.

    Raises:
        UserError: the file cannot be used, see `open_sound`, or holds no sample.
    """
    source = Path(source)
    start, duration = _extent(source, track)
    total = round(duration * AUDIO_RATE)
    if total <= 0:
        raise UserError(f"{source}: its sound track is empty; give a file with speech")
    powers: list[np.ndarray] = []
    rest = np.zeros(0, np.int16)

    def pieces() -> Iterator[np.ndarray]:
        nonlocal rest
        for piece in _continuous(source, track, start, total):
            known = np.concatenate([rest, piece])
            whole = len(known) // 320 * 320
            powers.append(row_power(known[:whole]).astype(np.float64))
            rest = known[whole:]
            yield piece

    write_wav(spool, pieces())
    power = np.concatenate(powers)
    return Sound(source, track, spool, start, duration, power, active_speech_level(power))


def _extent(source: Path, track: int | None) -> tuple[float, float]:
    """Time of the first sample and seconds from there to the end of the last."""
    start: float | None = None
    end = 0.0
    with open_sound(source, track) as container:
        try:
            for frame in container.decode(sound_of(container, track)):
                time = frame.time if frame.time is not None else end
                start = time if start is None else start
                check_time_goes_on(source, start, max(end, start), time)
                end = max(end, time + frame.samples / frame.sample_rate)
        except av.FFmpegError as error:
            at = end - (start or 0.0)
            raise UserError(
                f"{source}: sound cannot be decoded after {at:.2f} s ({ffmpeg_reason(error)}); export it again"
            ) from None
    return start or 0.0, end - (start or 0.0)


def _continuous(source: Path, track: int | None, start: float, total: int) -> Iterator[np.ndarray]:
    done = 0
    with open_sound(source, track) as container:
        channel = audible_channel(source, container, track)
    with open_sound(source, track) as container:
        for position, piece in timed_sound(source, container, start, channel, track):
            if position > done:
                position = min(position, total)
                yield np.zeros(position - done, np.int16)
                done = position
            piece = piece[done - position : total - position]
            if len(piece):
                yield piece
                done += len(piece)
    if done < total:
        yield np.zeros(total - done, np.int16)
