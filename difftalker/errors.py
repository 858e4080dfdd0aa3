"""The one exception that a user's mistake ends in, and what the system refused in the same words everywhere."""

from __future__ import annotations

import errno
import re

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the disk or the system allows",
}
_FORBIDDEN = {
    errno.EACCES: "may not be read or written by this user; change its permissions",
    errno.EPERM: "may not be read or written by this user; change its permissions",
    errno.EROFS: "lies on a disk that is read-only; choose another place",
    errno.EIO: "the disk fails; look at the system's log",
    errno.EMFILE: "too many open files; raise the limit (ulimit -n)",
}
# Libraries that are not written in Python put the number into their text.
_NUMBER = re.compile(r"(?:os error|[Ee]rrno) (\d+)")


class UserError(Exception):
    """Something the user can put right. The message is one line: what, where (file, frame, key), what to do."""


def no_room(error: BaseException) -> str | None:
    """In words, that what was to be written did not fit; None if that is not what happened."""
    return _NO_ROOM.get(_number(error))


def refused_by_system(error: BaseException, where: str) -> str | None:
    """What the system refused, as one line; None if an error is no matter of the system's.

    Args:
        error: of Python, or of a library.
        where: names the work, where the error names no file.
    """
    number = _number(error)
    file = getattr(error, "filename", None) or where
    if number in _NO_ROOM:
        return f"{file}: {_NO_ROOM[number]}; make room, then repeat the command"
    return f"{file}: {_FORBIDDEN[number]}" if number in _FORBIDDEN else None


def _number(error: BaseException) -> int:
    """The system's number of an error, 0 if it has none."""
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return number
    found = _NUMBER.search(str(error))
    return int(found[1]) if found else 0
