"""Whether an output may be written, and what is said when it does not fit."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from difftalker.errors import UserError

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than the disk or the system allows",
}


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse an output that is already there.

    Raises:
        UserError: the path is a folder, or exists and is not to be replaced.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists; choose another name or give --overwrite")


def check_preview_outputs(output: Path, parquet: Path | None, overwrite: bool) -> None:
    """Refuse a film of landmarks, or the table beside it, that cannot be written.

    Raises:
        UserError: the film's suffix is not .mp4, the table's not .parquet; or as `refuse_existing`.
    """
    if output.suffix.lower() != ".mp4":
        raise UserError(f"{output}: name the output .mp4")
    if parquet is not None and parquet.suffix.lower() != ".parquet":
        raise UserError(f"{parquet}: name the table of landmarks .parquet")
    for path in (output, parquet):
        if path is not None:
            refuse_existing(path, overwrite)


@contextmanager
def explain_full_disk(output: Path, resumable: bool = True) -> Iterator[None]:
    """Say in one line that there is no room for an output.

    Args:
        output: the file that is being made.
        resumable: whether the work goes on where it stopped when it is asked to.

    Raises:
        UserError: in place of the error that the system gives for it.
    """
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        if error.errno not in _NO_ROOM:
            raise
        advice = " with --resume to go on" if resumable else ""
        raise UserError(f"{output}: {_NO_ROOM[error.errno]}; make room, then repeat the command{advice}") from None
