"""Pictures and sound of a file on one constant-rate time base.

Time zero is the first picture's timestamp. Output picture i stands for time i / fps and is the stored picture nearest
to that time, so other rates and variable rates are resampled once, without drift and without bias. Sound is placed by
its own timestamps on the same clock: what lies before time zero is cut, gaps and a missing end are silence. Sample n
thus always has time n / 16,000, and picture i belongs to samples from i * 16,000 / fps on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from difftalker.errors import UserError
from difftalker.media.convert import FrameConverter
from difftalker.media.orientation import orientation_of
from difftalker.media.probe import check_complete, open_video, picture_of
from difftalker.media.tracks import sound_stream
from difftalker.media.wav import AUDIO_RATE

_T = TypeVar("_T")

_LISTENED = 60.0  # seconds of sound by which channels are judged
_CANCELLED = 0.01  # share of a channel's power that is left of it in the mean of both
_AUDIO_JITTER = 0.04  # seconds that a sound timestamp may be off before it counts as a gap or an overlap


def frame_count(duration: float, fps: float) -> int:
    """round(duration * fps), halves up; a nanosecond of slack hides the rounding of timestamps."""
    return math.floor((duration + 1e-9) * fps + 0.5)


def decode_frames(path: str | Path, fps: float) -> Iterator[np.ndarray]:
    """Stream the pictures of a file at a constant rate, upright.

    Args:
        path: a video file.
        fps: output rate, pictures per second.

    Yields:
        (h, w, 3) uint8 RGB; `frame_count(duration, fps)` of them. The arrays may be the same object when a stored
        picture is shown more than once: do not write to them.

    Raises:
        UserError: the file cannot be read, or breaks off before its declared end.
    """
    yield from at_constant_rate(Path(path), _timed_pictures(Path(path)), fps)


def key_pictures(path: Path, times: Iterable[float]) -> Iterator[np.ndarray]:
    """A sample of a file's pictures, upright: the key picture at or before each time, without decoding those between.

    Args:
        path: a video file.
        times: rising, seconds after the first picture.

    Yields:
        (h, w, 3) uint8 RGB; none twice, and none where the picture cannot be decoded.

    Raises:
        UserError: the file cannot be read.
    """
    with open_video(path) as container:
        stream = picture_of(container)
        start, base = stream.start_time or 0, float(stream.time_base or 1)
        last: int | None = None
        converter = FrameConverter()
        for time in times:
            try:
                container.seek(start + round(time / base), stream=stream)
                frame = next(container.decode(stream), None)
            except av.FFmpegError:
                continue
            if frame is not None and (frame.pts is None or frame.pts != last):
                last = frame.pts
                shown = orientation_of(frame, stream)
                yield converter.rgb(frame, shown)


def at_constant_rate(path: Path, timed: Iterable[tuple[float, float, _T]], fps: float) -> Iterator[_T]:
    """Of stored pictures, the one nearest to each time i / fps.

    Args:
        path: the file that they come from.
        timed: (seconds after the first picture, seconds it lasts, picture), in increasing time, to the file's end.
        fps: output rate, pictures per second.

    Yields:
        `frame_count(duration, fps)` items; the same one again where a picture is shown more than once.

    Raises:
        UserError: there is no picture, or the file breaks off before its declared end.
    """
    pending: deque[tuple[int, _T]] = deque()  # pictures that the duration, unknown as yet, may cut off
    index = 0
    duration = 0.0
    held: list[_T] = []
    held_time = 0.0
    for time, length, picture in timed:
        if held:
            middle = (held_time + time) / 2
            while index / fps < middle:
                pending.append((index, held[0]))
                index += 1
        held, held_time, duration = [picture], time, time + length
        while pending and frame_count(time, fps) > pending[0][0]:
            yield pending.popleft()[1]
    check_complete(path, duration)
    if not held:
        raise UserError(f"{path}: no picture can be decoded; export it again as MP4 (H.264)")
    total = frame_count(duration, fps)
    while index < total:
        pending.append((index, held[0]))
        index += 1
    for position, picture in pending:
        if position < total:
            yield picture


def _timed_pictures(path: Path) -> Iterator[tuple[float, float, np.ndarray]]:
    """(seconds after the first picture, seconds it lasts, upright RGB), in increasing time."""
    with open_video(path) as container:
        stream = picture_of(container)
        first = next(container.decode(stream), None)
        if first is None:
            return
        shown = orientation_of(first, stream)
    converter = FrameConverter()
    for time, length, frame in timed_frames(path):
        yield time, length, converter.rgb(frame, shown)


def timed_frames(path: Path) -> Iterator[tuple[float, float, av.VideoFrame]]:
    """(seconds after the first picture, seconds it lasts, picture as stored), in increasing time.

    Raises:
        UserError: the file cannot be read, or a picture in it cannot be decoded.
    """
    with open_video(path) as container:
        stream = picture_of(container)
        stream.thread_type = "AUTO"
        nominal = 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
        start: float | None = None
        last = -math.inf
        try:
            for frame in container.decode(stream):
                time = frame.time if frame.time is not None else max(last, -nominal) + nominal + (start or 0.0)
                start = time if start is None else start
                time -= start
                if time <= last:
                    continue  # a repeated timestamp: the first picture stays
                step = nominal if last == -math.inf else min(time - last, 4 * nominal)
                length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step
                last = time
                yield time, length, frame
        except av.FFmpegError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"{path}: picture cannot be decoded after {max(last, 0.0):.2f} s ({reason}); copy or export it again"
            ) from None


def decode_audio(path: str | Path, samples: int) -> Iterator[np.ndarray]:
    """Stream the sound of a video file on the clock of its pictures.

    Args:
        path: a video file with sound.
        samples: how many samples to give, usually round(frames / fps * 16000).

    Yields:
        Pieces (n,) int16, mono, 16 kHz, `samples` in total.

    Raises:
        UserError: there is no sound track, or it cannot be decoded.
    """
    path = Path(path)
    done = 0
    for position, piece in _timed_sound(path):
        if position > done:
            position = min(position, samples)
            yield np.zeros(position - done, np.int16)
            done = position
        piece = piece[done - position : samples - position]  # an overlap or what lies before zero is cut
        if len(piece):
            yield piece
            done += len(piece)
        if done >= samples:
            return
    if done < samples:
        yield np.zeros(samples - done, np.int16)


def _timed_sound(path: Path) -> Iterator[tuple[int, np.ndarray]]:
    """(position of the first sample after the first picture, samples int16), gaps and overlaps left as they are."""
    start = _first_picture_time(path)
    with open_video(path) as container:
        if sound_stream(container) is None:
            raise UserError(f"{path}: has no sound track; a talking face is learnt from picture and sound together")
        channel = audible_channel(path, container)
    with open_video(path) as container:
        yield from timed_sound(path, container, start, channel)


def audible_channel(path: Path, container: InputContainer, number: int | None = None) -> int | None:
    """Which channel of a stereo track to listen to where the two cancel each other out: the louder one.

    Args:
        path: the file's name, for errors.
        container: the file; its first minute is decoded.
        number: which sound track, see `tracks.sound_stream`.

    Returns:
        0 or 1; None where the mean of all channels is what is to be heard.

    Raises:
        UserError: the sound cannot be decoded.
    """
    track = sound_stream(container, number)
    if track is None or track.codec_context.layout.nb_channels != 2:
        return None
    power, mixed, seconds = np.zeros(2), 0.0, 0.0
    try:
        for frame in container.decode(track):
            if frame.layout.nb_channels != 2:
                return None
            sound = AudioResampler("fltp", "stereo", frame.sample_rate).resample(frame)[0].to_ndarray()  # (2, n)
            power += np.square(sound, dtype=np.float64).sum(1)
            mixed += float(np.square(sound.mean(0), dtype=np.float64).sum())
            seconds += frame.samples / frame.sample_rate
            if seconds > _LISTENED:
                break
    except av.FFmpegError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: sound cannot be decoded after {seconds:.2f} s ({reason}); export it again") from None
    return int(power.argmax()) if mixed < _CANCELLED * power.max() else None


def timed_sound(
    path: Path, container: InputContainer, start: float, channel: int | None = None, number: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """The sound of an open file, mono at 16 kHz, placed by its timestamps. Rate and channels may change on the way.

    Args:
        path: its name, for errors.
        container: the file.
        start: what its clock shows at time zero, seconds.
        channel: of a stereo track, see `audible_channel`; None: the mean of all.
        number: which sound track, see `tracks.sound_stream`.

    Yields:
        (position of the piece in samples from time zero on, (n,) int16); gaps and overlaps are left as they are.

    Raises:
        UserError: it cannot be decoded.
    """
    track = sound_stream(container, number)
    assert track is not None
    resampler: AudioResampler | None = None
    setup: tuple[str, str, int] | None = None
    position = 0  # of the next sample out of the resampler
    expected = 0.0  # time of the next sample into it
    time = 0.0
    try:
        for frame in container.decode(track):
            time = frame.time - start if frame.time is not None else expected
            found = frame.format.name, frame.layout.name, frame.sample_rate
            if resampler is None or found != setup or abs(time - expected) > _AUDIO_JITTER:
                if resampler is not None:
                    yield from _drain(resampler, None, position, channel)
                resampler, setup = AudioResampler("s16p", "mono" if channel is None else "stereo", AUDIO_RATE), found
                position, expected = round(time * AUDIO_RATE), time
            expected += frame.samples / frame.sample_rate
            frame.pts = None
            for at, piece in _drain(resampler, frame, position, channel):
                yield at, piece
                position = at + len(piece)
    except av.FFmpegError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: sound cannot be decoded after {time:.2f} s ({reason}); export it again") from None
    if resampler is not None:
        yield from _drain(resampler, None, position, channel)


def _drain(
    resampler: AudioResampler, frame: av.AudioFrame | None, position: int, channel: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    for out in resampler.resample(frame):
        piece = out.to_ndarray()[channel or 0]
        yield position, piece
        position += len(piece)


def _first_picture_time(path: Path) -> float:
    with open_video(path) as container:
        first = next(container.decode(picture_of(container)), None)
        return float(first.time) if first is not None and first.time is not None else 0.0
