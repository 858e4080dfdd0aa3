"""Every stage lists the params that it reads, and dvc.lock is that of the committed code and params."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from difftalker.config import load_params
from stages.dependencies import GRAPHS, module_of

ROOT = Path(__file__).parents[2]
STAGES = {
    name: stage for graph in GRAPHS for name, stage in yaml.safe_load((ROOT / graph).read_text())["stages"].items()
}
LOCKS = [(graph.with_suffix(".lock")) for graph in GRAPHS]


def used_params(source: str) -> set[str]:
    """Dotted keys read from the result of `load_params`, as far as attributes go; '*' if it is passed on whole."""
    tree = ast.parse(source)
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if _is_load(value) and isinstance(target, ast.Name)
    }
    used: set[str] = set()
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer attributes come first
        if isinstance(node, ast.Attribute) and node not in inner:
            parts = [node.attr]
            value = node.value
            while isinstance(value, ast.Attribute):
                inner.add(value)
                parts.insert(0, value.attr)
                value = value.value
            if _is_load(value) or (isinstance(value, ast.Name) and value.id in names):
                inner.add(value)
                used.add(".".join(parts))
        elif isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load) and node not in inner:
            used.add("*")
    return used


def _pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Targets and values of an assignment, those of tuples one by one."""
    pairs = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += list(zip(target.elts, node.value.elts, strict=True))
        else:
            pairs.append((target, node.value))
    return pairs


def _is_load(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == "load_params"


def covers(declared: str, used: str) -> bool:
    return used == declared or used.startswith(f"{declared}.")


def test_used_params_of_a_source() -> None:
    source = "params = load_params()\nf(params.video, params.face.train.steps)\nother.audio\n"
    assert used_params(source) == {"video", "face.train.steps"}
    assert used_params("p = load_params()\ng(p)\np.seed") == {"*", "seed"}
    assert used_params("p, q = load_params(), f()\np.seed, q.audio, load_params().device") == {"seed", "device"}


@pytest.mark.parametrize("name", STAGES)
def test_declares_what_it_reads(name: str) -> None:
    path = ROOT / (module_of(STAGES[name]).replace(".", "/") + ".py")
    used = used_params(path.read_text())
    declared = STAGES[name].get("params", [])
    if {"params.yaml": None} in declared:  # the whole file
        assert ("*" in used or "PARAMS" in path.read_text()) and len(declared) == 1  # or it shows the file itself
        return
    assert "*" not in used, f"{path.name}: pass groups on, or name all of params.yaml in dvc.yaml"
    missing = sorted(key for key in used if not any(covers(entry, key) for entry in declared))
    idle = sorted(entry for entry in declared if not any(covers(entry, key) for key in used))
    assert not missing, f"dvc.yaml: {name} reads {missing} without naming them in params"
    assert not idle, f"dvc.yaml: {name} names {idle} in params and does not read them"


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
            if dependency["path"].split("/")[0] in ("difftalker", "stages"):
                current = digest(ROOT / dependency["path"])
                assert dependency["md5"] == current, (
                    f"{name}: {dependency['path']} changed; run `dvc repro`, commit {lock}"
                )


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_lock_is_of_these_params(lock: Path) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name, stage in locked(lock).items():
        for key, recorded in stage.get("params", {}).get("params.yaml", {}).items():
            value = params
            for part in key.split("."):
                value = value[part]
            assert recorded == value, f"{name}: {key} changed; run `dvc repro`, commit {lock}"


def test_lock_has_every_stage() -> None:
    found = {name for lock in LOCKS for name in locked(lock)}
    recordings = load_params(ROOT / "params.yaml").recordings
    expected = {
        f"{name}@{recording}" if "matrix" in stage else name
        for name, stage in STAGES.items()
        for recording in (recordings if "matrix" in stage else [""])
    }
    assert found == expected


@pytest.mark.parametrize("name", STAGES)
def test_results_can_come_from_the_run_cache(name: str) -> None:
    """DVC keeps no run of a stage with an uncached output, unless that is a metric or a plot."""
    outs = STAGES[name].get("outs", [])
    assert [out for out in outs if isinstance(out, dict) and not next(iter(out.values())).get("cache", True)] == []
