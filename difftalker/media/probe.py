"""What is in a video file, and whether it can be used as footage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av import VideoStream
from av.container import InputContainer

from difftalker.errors import UserError
from difftalker.files import readable_name
from difftalker.media.orientation import orientation_of
from difftalker.media.tracks import check_regular_file, check_time_goes_on, file_url, picture_stream, sound_stream

# Other files in a recording's folder are not footage.
VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm")
)

_RATE_TOLERANCE = 0.02  # seconds between the largest and the smallest frame interval of a constant-rate file


@dataclass(frozen=True)
class VideoInfo:
    """A video file as its container describes it.

    Attributes:
        path: the file.
        duration: seconds from the first picture to the end of the last.
        fps: pictures per second, on average.
        variable: whether the picture intervals differ.
        frames: number of stored pictures.
        width, height: size as displayed, in square pixels, after `rotation`.
        rotation: counterclockwise turn in degrees (0, 90, 180, 270) that the file asks its player for.
        has_audio: whether there is a sound track.
        audio_rate: its sampling rate in Hz, 0 without sound.
        codec: the picture codec's name.
    """

    path: Path
    duration: float
    fps: float
    variable: bool
    frames: int
    width: int
    height: int
    rotation: int
    has_audio: bool
    audio_rate: int
    codec: str


@contextmanager
def open_video(path: Path) -> Iterator[InputContainer]:
    """Open a media file; what FFmpeg finds wrong with it, now or while it is read, becomes one line.

    Raises:
        UserError: the file is missing, empty, damaged or holds no video.
    """
    check_regular_file(path, "video")
    try:
        with av.open(file_url(path), metadata_errors="replace") as container:
            if picture_stream(container) is None:
                raise UserError(f"{path}: holds no video; give a file with a moving picture")
            yield container
    except av.FFmpegError as error:
        reason = (error.strerror or str(error)).strip().lower()
        raise UserError(f"{path}: not a readable video ({reason}); copy or export it again") from None


def picture_of(container: InputContainer) -> VideoStream:
    """The stream of pictures of a file that `open_video` has opened."""
    stream = picture_stream(container)
    assert stream is not None
    return stream


def probe(path: str | Path) -> VideoInfo:
    """Read a file's packets (decoding one picture only) and describe it.

    Raises:
        UserError: the file is missing, empty, damaged, or holds no video.
    """
    path = Path(path)
    with open_video(path) as container:
        stream = picture_of(container)
        first = next(container.decode(stream), None)
        if first is None:
            raise UserError(f"{path}: no picture can be decoded; export it again as MP4 (H.264)")
        shown = orientation_of(first, stream)
        rotation, width, height = 90 * shown.turns, shown.width, shown.height
        audio = sound_stream(container)
        audio_rate = audio.codec_context.sample_rate if audio else 0
        codec = stream.codec_context.name
        nominal = float(stream.average_rate or stream.guessed_rate or 25)
    times, last = _packet_times(path)
    intervals = np.diff(times)
    step = float(np.median(intervals)) if len(intervals) else 1.0 / nominal
    duration = (float(times[-1] - times[0]) if len(times) else 0.0) + (last or step)
    if rotation in (90, 270):
        width, height = height, width
    return VideoInfo(
        path=path,
        duration=duration,
        fps=round(max(len(times), 1) / duration, 6),
        variable=bool(len(intervals) and np.ptp(intervals) > min(_RATE_TOLERANCE, 0.5 * step)),
        frames=max(len(times), 1),
        width=width,
        height=height,
        rotation=rotation,
        has_audio=audio is not None,
        audio_rate=audio_rate,
        codec=codec,
    )


def _packet_times(path: Path) -> tuple[np.ndarray, float]:
    """Sorted times of the pictures in seconds, (n,) float64, and how long the last one lasts (0: unknown)."""
    lengths: dict[float, float] = {}
    first, latest = math.inf, -math.inf  # decoding times
    with open_video(path) as container:
        for packet in container.demux(picture_of(container)):
            if packet.pts is not None and packet.size and not packet.is_discard:
                at = float((packet.pts if packet.dts is None else packet.dts) * packet.time_base)
                check_time_goes_on(path, first, latest, at)
                first, latest = min(first, at), max(latest, at)
                lengths[float(packet.pts * packet.time_base)] = float((packet.duration or 0) * packet.time_base)
    times = np.array(sorted(lengths))
    return times, lengths[times[-1]] if len(times) else 0.0


def validate_video(path: str | Path) -> VideoInfo:
    """Describe a file that is to be used as footage of a talking person.

    Raises:
        UserError: as `probe`, or the file has no sound, or its declared length is not there (it was cut off), or its
            name is no UTF-8, which tables and lock files could not store.
    """
    if readable_name(path) != Path(path).name:
        raise UserError(f"{path}: the name has characters that are no UTF-8; rename the file")
    info = probe(path)
    if not info.has_audio:
        raise UserError(f"{info.path}: has no sound track; a talking face is learnt from picture and sound together")
    check_complete(info.path, info.duration)
    return info


def check_complete(path: Path, found: float) -> None:
    """Compare the length that was found with the declared one.

    Args:
        path: the file.
        found: seconds of picture that could be read.

    Raises:
        UserError: more than half a second is missing at the end.
    """
    with open_video(path) as container:
        stream = picture_of(container)
        if stream.duration is None or stream.time_base is None or container.format.name in ("mpeg", "mpegts"):
            return  # these formats declare nothing: FFmpeg's figure is an estimate from the file's end
        declared = float(stream.duration * stream.time_base)
    if found < declared - 0.5:
        raise UserError(
            f"{path}: ends at {found:.2f} s of {declared:.2f} s, the rest is missing; copy or export it again"
        )


def list_videos(folder: str | Path) -> list[Path]:
    """The footage in a recording's folder, sorted by clip name (the file name without its suffix).

    Files that are no video by their suffix, and hidden ones, are ignored.

    Raises:
        UserError: the folder is missing or holds no video, or two files have the same clip name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; `difftalker add VIDEO... --name {folder.name}` makes it")
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise UserError(f"{folder}: holds no video file; put footage there ({', '.join(sorted(VIDEO_SUFFIXES))})")
    found.sort(key=lambda path: (path.stem, path.name))
    for first, second in pairwise(found):
        if first.stem == second.stem:
            raise UserError(f"{folder}: {first.name} and {second.name} would both be clip {first.stem!r}; rename one")
    return found
