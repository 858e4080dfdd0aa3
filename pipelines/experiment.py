"""DVC experiments in temporary copies of the project: the workspace stays as it is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from difftalker.config import parse_params
from difftalker.errors import UserError
from pipelines.graph import change_params, mend_after_kill
from pipelines.process import command_environment, run_command
from pipelines.revision import git
from pipelines.runtime import cancellation, showing_progress

SCRATCH = Path("data/scratch")  # git-ignored: checkpoints of the project's own trainings


def overridden(root: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """params.yaml of the workspace with overrides such as `face.train.steps=2000`, applied by DVC itself and checked.

    Raises `UserError` if an override is no `key=value`, or the result is wrong: one line before any work is done.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(root / "params.yaml", folder))
        change_params(copy, overrides)
        data: dict[str, Any] = yaml.safe_load(copy.read_text(encoding="utf-8"))
    parse_params(data, "params.yaml with overrides")
    return data


def run_experiment(root: Path, name: str, overrides: Sequence[str], device: int, scratch: Path = SCRATCH) -> None:
    """Run `dvc exp run --temp` in the present task and wait for it.

    Stages that have ended are in DVC's run cache, and checkpoints are kept in the project, so that an experiment that
    was stopped or killed goes on where it was when it is started again, under whatever name.

    Args:
        root: the project's folder.
        name: the experiment's name; none of it may exist.
        overrides: parameters to change, as `-S` takes them.
        device: the open lock of the compute device.
        scratch: folder for checkpoints, in the project. Two experiments at the same time need two.

    Raises:
        UserError: a stage failed; then no experiment is recorded.
        Stopped: it was stopped.
    """
    mend_after_kill(root)
    changes = [part for override in overrides for part in ("--set-param", override)]
    run_command(
        ["dvc", "--wait-for-lock", "exp", "run", "--temp", "--name", name, *changes],
        title=f"experiment {name}",
        log=showing_progress(name),
        cwd=root,
        environment={**command_environment(), "DIFFTALKER_SCRATCH": str(root / scratch)},
        stop=cancellation(),
        holding=[device],
    )


def find_experiment(root: Path, name: str) -> str:
    """The commit of a DVC experiment, the newest of that name; raises `UserError` if there is none."""
    pattern = f"refs/exps/*/*/{name}"  # the first two parts of the hash that it started from
    found = git(root, "for-each-ref", "--sort=-committerdate", "--format=%(objectname)", "--count=1", pattern)
    if not found:
        raise UserError(f"{name}: no experiment of that name; see `dvc exp show`")
    return found
