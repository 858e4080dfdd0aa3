"""Opening a media file, and which of its streams are the picture and the sound."""

from __future__ import annotations

from pathlib import Path

from av import AudioStream, VideoStream
from av.container import InputContainer

from difftalker.errors import UserError

_BREAK = 1.0  # seconds


def file_url(path: str | Path) -> str:
    """The name that FFmpeg is given: without it, what stands before a colon in a file's name would be a protocol."""
    return f"file:{path}"


def check_no_pipe(path: Path) -> None:
    """Refuse what can be read only once.

    Raises:
        UserError: the path is a pipe or a device.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: is a pipe or a device; write it into a file first, it is read more than once")


def check_regular_file(path: Path, kind: str) -> None:
    """Refuse what cannot be read more than once.

    Args:
        path: what is to be read.
        kind: what it should be, for the message.

    Raises:
        UserError: there is nothing, a folder, a pipe or an empty file, or it may not be read.
    """
    try:
        status = path.stat()
        if path.is_dir():
            raise UserError(f"{path}: is a folder; name a {kind} file")
        check_no_pipe(path)
        path.open("rb").close()
    except FileNotFoundError:
        raise UserError(f"{path}: no such {kind} file; check the name") from None
    except PermissionError:
        raise UserError(f"{path}: may not be read by this user; change its permissions") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    if status.st_size == 0:
        raise UserError(f"{path}: the file is empty; copy it again")


def check_time_goes_on(path: Path, first: float, latest: float, now: float) -> None:
    """Refuse files that were put together byte by byte.

    Args:
        path: the file.
        first, latest: its first and its latest time so far, seconds.
        now: the next time in it.

    Raises:
        UserError: time goes back by more than a second.
    """
    if now < latest - _BREAK:
        raise UserError(
            f"{path}: its time begins anew after {latest - first:.2f} s, as in files put together with `cat`; join "
            "them with `ffmpeg -f concat`, or give them one by one"
        )


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The first video stream that is no cover picture; None where there is none."""
    streams = container.streams.video
    return next((stream for stream in streams if not stream.disposition & stream.disposition.attached_pic), None)


def sound_stream(container: InputContainer, number: int | None = None) -> AudioStream | None:
    """The sound track of that number, from 1; without one, that which the file marks as its default, else the first.

    None where there is none.
    """
    streams = container.streams.audio
    if number is not None:
        return streams[number - 1] if number <= len(streams) else None
    marked = (stream for stream in streams if stream.disposition & stream.disposition.default)
    return next(marked, streams[0] if streams else None)
