"""The scratch folder's key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from difftalker.errors import UserError
from stages.scratch import fingerprint, scratch


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    (tmp_path / "code.py").write_text("x = 1")
    write(tmp_path, {"train": {"rate": 1, "steps": 2}, "other": 1})
    stage = {"cmd": "python -m x", "deps": ["folder", "code.py"], "params": ["train.rate"], "outs": ["out"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"fit": stage}}))
    return tmp_path


def write(project: Path, params: dict[str, Any]) -> None:
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def test_changes_with_what_decides_the_result_alone(project: Path) -> None:
    seen = {fingerprint("fit")}
    write(project, {"train": {"rate": 1, "steps": 3}, "other": 2})
    assert fingerprint("fit") in seen, "other params do not count"
    write(project, {"train": {"rate": 2, "steps": 3}, "other": 2})
    seen.add(fingerprint("fit"))
    (project / "code.py").write_text("x = 2")
    seen.add(fingerprint("fit"))
    (project / "folder" / "b.txt").write_text("")
    seen.add(fingerprint("fit"))
    (project / "folder" / "b.txt").rename(project / "folder" / "c.txt")
    seen.add(fingerprint("fit"))
    assert len(seen) == 5


def test_running_the_code_changes_nothing(project: Path) -> None:
    before = fingerprint("fit")
    (project / "folder/part/__pycache__").mkdir(parents=True)
    (project / "folder/part/__pycache__/a.pyc").write_text("compiled")
    assert fingerprint("fit") == before


def test_kept_on_failure_and_removed_on_success(project: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch("fit") as folder:
        (folder / "checkpoint.pt").write_text("x")
        raise KeyboardInterrupt
    with scratch("fit") as again:
        assert (again / "checkpoint.pt").exists()
    assert not again.exists()


def test_errors_name_what_is_missing(project: Path) -> None:
    with pytest.raises(UserError, match="no stage nothing"):
        fingerprint("nothing")
    write(project, {"train": {}})
    with pytest.raises(UserError, match=r"train\.rate"):
        fingerprint("fit")
    write(project, {"train": {"rate": 1}})
    (project / "code.py").unlink()
    with pytest.raises(UserError, match=r"code\.py"):
        fingerprint("fit")
