"""Outputs that are whole or absent: write under a temporary name in the same folder, then rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write a file or a folder to; it takes the final name only if the body succeeds.

    Args:
        path: the final name. An existing file or folder of that name is replaced at the end.

    Yields:
        A path in the same folder with the same suffix, where nothing exists yet.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    _remove(partial)
    try:
        yield partial
        _follow_umask(partial)
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        _remove(partial)


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
