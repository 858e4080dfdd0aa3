"""Whether an output may be written, and what is said when it does not fit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from difftalker.errors import UserError, no_room

_LONGER = 32  # characters that the names of temporary files have more than the output's


def check_writable(path: Path) -> None:
    """Find out before the work whether an output can be written.

    Raises:
        UserError: its folder cannot be made or written to, or its name is too long.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        longest = os.pathconf(folder, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
        if len(os.fsencode(path.name)) > longest - _LONGER:
            raise UserError(f"{path}: the name is too long; at most {longest - _LONGER} bytes are left for it here")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: cannot be written ({reason}); choose another folder") from None


def refuse_input_as_output(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse an output that would replace what it is made from.

    Raises:
        UserError: the output is one of the inputs.
    """
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise UserError(f"{output}: is what the film is made from; choose another name for the output")


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse an output that is already there.

    Raises:
        UserError: the path is a folder, or exists and is not to be replaced, or cannot be written.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists; choose another name or give --overwrite")
    check_writable(path)


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
        reason = no_room(error)
        if reason is None:
            raise
        advice = " with --resume to go on" if resumable else ""
        raise UserError(f"{output}: {reason}; make room, then repeat the command{advice}") from None
