"""What a release commits beside the code: dvc.lock, metrics and plots are of this very code and of these params."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from difftalker.config import load_params
from tests.stages.graph import GRAPHS, ROOT, read_stages
from tests.stages.imports import PACKAGES

pytestmark = pytest.mark.release

LOCKS = [graph.with_suffix(".lock") for graph in GRAPHS]


def digest(path: Path) -> str:
    """The MD5 that DVC records for a file or a folder."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    entries = [{"md5": digest(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def locked(lock: Path) -> dict[str, Any]:
    assert (ROOT / lock).exists(), f"{lock} is not committed"
    return yaml.safe_load((ROOT / lock).read_text())["stages"]


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_lock_is_of_this_code(lock: Path) -> None:
    for name, stage in locked(lock).items():
        for dependency in stage["deps"]:
            if dependency["path"].split("/")[0] in PACKAGES:
                current = digest(ROOT / dependency["path"])
                assert dependency["md5"] == current, f"{name}: {dependency['path']} changed; run `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_lock_is_of_these_params(lock: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name, stage in locked(lock).items():
        for key, recorded in stage.get("params", {}).get("params.yaml", {}).items():
            value = params
            for part in key.split("."):
                value = value[part]
            assert recorded == value, f"{name}: {key} changed; run `make lock`"


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_metrics_and_plots_are_of_this_lock(lock: Path) -> None:
    for name, stage in locked(lock).items():
        for out in stage["outs"]:
            if out["path"].endswith(("metrics.json", "speed.json", ".csv")):  # committed, not cached
                assert out["md5"] == digest(ROOT / out["path"]), f"{name}: {out['path']} is of another run"


def test_lock_is_of_this_graph() -> None:
    """Every stage of every recording is there, with its command and the paths that it depends on."""
    found = {name: (stage["cmd"], paths(stage)) for lock in LOCKS for name, stage in locked(lock).items()}
    recordings = load_params(ROOT / "params.yaml").recordings
    expected = {}
    for graph in GRAPHS:
        for name, stage in read_stages(graph).items():
            for recording in recordings if "matrix" in stage else [""]:
                filled = yaml.safe_load(yaml.safe_dump(stage, width=4096).replace("${item.rec}", recording))
                expected[f"{name}@{recording}" if recording else name] = (filled["cmd"], set(filled["deps"]))
    assert found == expected, "run `make lock`"


def paths(stage: dict[str, Any]) -> set[str]:
    return {dependency["path"] for dependency in stage["deps"]}
