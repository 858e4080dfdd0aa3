"""The one exception that a user's mistake ends in, and in what words the system's refusals are told everywhere."""

from __future__ import annotations

import errno
import re

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the disk or the system allows",
}
_REFUSED = dict.fromkeys((errno.EACCES, errno.EPERM), "this user has no permission; change it") | {
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


def explained(error: BaseException, where: str) -> str | None:
    """What a user is told of an error, as one line; None if it is a fault of the program's own.

    Args:
        error: a `UserError`, or what the system refused, of Python or of a library.
        where: names the work, where the error names no file.
    """
    if isinstance(error, UserError):
        return str(error)
    reason = no_room(error)
    reason = f"{reason}; make room, then repeat the command" if reason else _REFUSED.get(_number(error))
    return reason and f"{getattr(error, 'filename', None) or where}: {reason}"


def _number(error: BaseException) -> int:
    """The system's number of an error, 0 if it has none."""
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return number
    found = _NUMBER.search(str(error))
    return int(found[1]) if found else 0
