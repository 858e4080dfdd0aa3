"""DVC in Python: used as docs/development.md says, in one module, and the locked version has all of it."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib import metadata
from pathlib import Path
from pkgutil import resolve_name

from packaging.requirements import Requirement

from tests.pipelines.toy import Toy
from tests.project import ROOT

SECTION = (ROOT / "docs/development.md").read_text().split("## What of DVC is used")[1].split("\n## ")[0]
USED = set(re.findall(r"`(dvc\.[\w.]+)`", SECTION))


def imported(path: Path) -> set[str]:
    """Dotted names of DVC that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "dvc"}


def test_one_module_uses_what_is_written_down() -> None:
    modules = [path for package in ("difftalker", "stages", "pipelines") for path in (ROOT / package).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): names for path in modules if (names := imported(path))}
    assert found == {"pipelines/graph.py": USED}


def test_version_is_pinned() -> None:
    version = metadata.version("dvc")
    assert f"dvc=={version}" in (ROOT / "requirements.lock").read_text().splitlines()
    declared = map(Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    (bounds,) = [entry.specifier for entry in declared if entry.name == "dvc"]
    major, minor, *_ = map(int, version.split("."))
    assert version in bounds and f"{major}.{minor + 1}.0" not in bounds


def test_it_is_in_the_locked_version(tmp_path: Path) -> None:
    assert all(resolve_name(name) is not None for name in USED)
    toy = Toy(tmp_path)
    from dvc.repo import Repo, lock_repo

    with Repo(str(toy.root), _wait_for_lock=True) as repo, lock_repo(repo):
        assert Path(repo.cache.local_cache_dir).is_relative_to(tmp_path)
        (stage,) = repo.stage.collect(f"{tmp_path / 'dvc.yaml'}:both")
        (tracked,) = repo.stage.collect(str(tmp_path / "source.txt.dvc"))
        assert {other.name for other in repo.index.graph.successors(stage)} == {"one", "two"}
        assert (stage.name, stage.meta, tracked.cmd) == ("both", None, None)
        assert stage.cmd.startswith("python join.py") and Path(stage.path) == tmp_path / "dvc.yaml"
        assert [key for entry in stage.params for key in entry.params] == ["both"]
        assert [Path(entry.fs_path).name for entry in (*stage.outs, *tracked.outs)] == ["both.txt", "source.txt"]
        assert stage.deps and re.fullmatch("[0-9a-f]{32}", tracked.outs[0].hash_info.value)
        assert repo.status([f"{tmp_path / 'dvc.yaml'}:both"]) and not repo.status([str(tmp_path / "source.txt.dvc")])
