"""Files of DVC's cache that are no longer what their names say, after a disk's fault or a stray write.

DVC does not read again what is write-protected in its cache, so it would check out a damaged file for ever.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from pipelines.graph import local_cache


def check_cache(root: Path) -> tuple[int, list[Path]]:
    """Compare every file of the local cache with its name, its MD5, and remove those that differ.

    `dvc repro` then makes them anew, or `dvc pull` fetches them.

    Returns:
        Number of files in the cache, and what was removed: files of the cache, and hard links to them in the workspace.
    """
    files = sorted(path for path in (local_cache(root) / "files/md5").glob("??/*") if path.is_file())
    damaged = [path for path in tqdm(files, desc="cache", unit="file", mininterval=1) if not _is_whole(path)]
    same = {_identity(path) for path in damaged}
    damaged += [path for path in _workspace(root) if _identity(path) in same]
    for path in damaged:
        path.unlink()
    return len(files), damaged


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return found == path.parent.name + path.name.removesuffix(".dir")


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _workspace(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".dvc", ".git", ".venv")]
        yield from (Path(folder, name) for name in names)
