"""Outputs that are whole or absent: write under a temporary name in the same folder, then rename. Names of files."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from difftalker.errors import UserError

_MIB = 2**20


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write a file or a folder to; it takes the final name only if the body succeeds.

    Args:
        path: the final name. An existing file or folder of that name is replaced at the end.

    Yields:
        A path in the same folder with the same suffix, where nothing exists yet.

    Raises:
        OSError: of the body, naming the final path where it names no other.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path, str(os.getpid()))
    _remove(partial)
    pattern = _partial(Path(glob.escape(path.name)), "*")
    for left in (*path.parent.glob(pattern.name), *path.parent.glob(_partial(pattern, "*").name)):
        if not _is_running(left):  # the second: what was written in place of a temporary file
            _remove(left)
    try:
        yield partial
        _follow_umask(partial)
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    except OSError as error:
        if error.errno and error.filename in (None, str(partial)):
            with suppress(AttributeError):  # PyAV's errors cannot be told
                error.filename = str(path)  # which the user knows
        raise
    finally:
        _remove(partial)


def check_room(path: Path, size: int) -> None:
    """Refuse to begin what cannot end.

    Args:
        path: what is to be written.
        size: bytes that it will take.

    Raises:
        UserError: its disk has less room.
    """
    there = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise UserError(
            f"{path}: takes {size / _MIB:.0f} MiB, of which the disk has {free / _MIB:.0f}; make room, or choose "
            "another disk"
        )


def readable_name(path: str | Path) -> str:
    """A file's name as a text that can be stored anywhere: what is no UTF-8 in it becomes a replacement character."""
    return os.fsencode(Path(path).name).decode("utf-8", "replace")


def _partial(path: Path, process: str) -> Path:
    return path.with_name(f".{path.stem}.{process}.partial{path.suffix}")


def _is_running(partial: Path) -> bool:
    """Whether the process that writes there may be alive; one that was killed leaves its file behind."""
    process = partial.name.removesuffix(partial.suffix).removesuffix(".partial").rpartition(".")[2]
    return not process.isdecimal() or psutil.pid_exists(int(process))


def _follow_umask(path: Path) -> None:
    """Let others read what they may read of new files: safetensors makes its own for the owner alone."""
    written = path.rglob("*.safetensors") if path.is_dir() else [path] * (path.suffix == ".safetensors")
    for file in written:
        usual = file.with_name(f"{file.name}.mode")
        usual.touch()
        file.chmod(usual.stat().st_mode)
        usual.unlink()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
