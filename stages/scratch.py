"""A training stage's scratch folder, keyed by all that decides its result."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from difftalker.errors import UserError

# git-ignored. An experiment in a temporary copy is given the project's own, so that it too goes on where it stopped.
SCRATCH = Path(os.environ.get("DIFFTALKER_SCRATCH", "data/scratch"))


@contextmanager
def scratch(stage: str) -> Iterator[Path]:
    """Give the folder for the checkpoints of a stage; it is removed if the body succeeds and kept if not.

    The folder's name is a hash of the stage's entry in `dvc.yaml`, the values of its params and the content of its
    dependencies, folders of code included. So an interrupted stage finds its checkpoints again, and a changed one
    never finds stale ones.

    Args:
        stage: a stage of `dvc.yaml` in the working directory, without a matrix.

    Raises:
        UserError: `dvc.yaml` has no such stage, or a dependency is missing.
    """
    folder = SCRATCH / stage / fingerprint(stage)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def fingerprint(stage: str) -> str:
    """Hash of all that decides a stage's result: 16 hexadecimal digits."""
    entry = _read("dvc.yaml").get("stages", {}).get(stage)
    if entry is None:
        raise UserError(f"dvc.yaml: no stage {stage}; restore the file from git")
    params = _read("params.yaml")
    values = {key: _lookup(params, key) for key in entry.get("params", [])}
    total = hashlib.sha256(json.dumps([entry, values], sort_keys=True).encode())
    for dependency in entry.get("deps", []):
        for path in _files(Path(dependency)):
            with path.open("rb") as file:
                total.update(f"\n{path.as_posix()}\n".encode() + hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def _read(name: str) -> dict[str, Any]:
    try:
        return yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{name}: no such file; run from the project's folder") from None


def _lookup(params: Any, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(params, dict) or part not in params:
            raise UserError(f"params.yaml: key {key} is missing; add it (presets/demo.yaml shows every key)")
        params = params[part]
    return params


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    if not path.exists():
        raise UserError(f"{path}: no such file; run `dvc repro` to make it")
    return [path]
