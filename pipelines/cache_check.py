"""Files of DVC's cache that are no longer what their names say, after a disk's fault or a stray write.

DVC does not read again what is write-protected in its cache, so it would check out a damaged file for ever.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from pipelines.graph import local_cache


@dataclass(frozen=True)
class CacheCheck:
    """What was found.

    Attributes:
        files: number of files in the cache.
        removed: those that were damaged.
        workspace: files of the project that were the same ones (hard links), removed as well.
    """

    files: int
    removed: list[Path]
    workspace: list[Path]


def check_cache(root: Path) -> CacheCheck:
    """Compare every file of the local cache with its name, its MD5, and remove those that differ.

    `dvc repro` then makes them anew, or `dvc pull` fetches them.
    """
    files = sorted(path for path in (local_cache(root) / "files/md5").glob("??/*") if path.is_file())
    damaged = [path for path in tqdm(files, desc="cache", unit="file", mininterval=1) if not _is_whole(path)]
    linked = _links(root, damaged)
    for path in (*damaged, *linked):
        path.unlink()
    return CacheCheck(len(files), damaged, linked)


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return found == path.parent.name + path.name.removesuffix(".dir")


def _links(root: Path, damaged: list[Path]) -> list[Path]:
    """Files of the workspace that are one with a damaged one."""
    wanted = {(status.st_dev, status.st_ino) for status in map(os.stat, damaged) if status.st_nlink > 1}
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".dvc", ".git", ".venv")]
        for name in names if wanted else ():
            path = Path(folder, name)
            status = path.lstat()
            if (status.st_dev, status.st_ino) in wanted:
                found.append(path)
    return sorted(found)
