"""DVC experiments in temporary copies of the project: the workspace stays as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.environment import stage_environment
from pipelines.git import git
from pipelines.process import run_command
from pipelines.progress import Progress

SCRATCH = Path("data/scratch")  # git-ignored: checkpoints of the project's own trainings


def run_experiment(
    root: Path,
    name: str,
    overrides: Sequence[str],
    log: Callable[[str], None],
    stop: Callable[[], bool],
    *,
    scratch: Path = SCRATCH,
    holding: Sequence[int] = (),
) -> None:
    """Run `dvc exp run --temp` and wait for it.

    Stages that have ended are in DVC's run cache, and checkpoints are kept in the project, so that an experiment that
    was stopped or killed goes on where it was when it is started again, under whatever name.

    Args:
        root: the project's folder.
        name: the experiment's name; none of it may exist.
        overrides: parameters to change, as `-S` takes them.
        log, stop, holding: as for `run_command`.
        scratch: folder for checkpoints, in the project. Two experiments at the same time need two.

    Raises:
        CommandFailed: a stage failed; then no experiment is recorded.
        Stopped: it was stopped.
    """
    command = ["dvc", "--wait-for-lock", "exp", "run", "--temp", "--name", name]
    for override in overrides:
        command += ["--set-param", override]
    run_command(
        command,
        title=f"experiment {name}",
        log=Progress(name, log).line,
        cwd=root,
        environment={**stage_environment(), "DIFFTALKER_SCRATCH": str(root / scratch)},
        stop=stop,
        holding=holding,
    )


def identity(root: Path, experiments: Mapping[str, Sequence[str]]) -> str:
    """Eight digits that stand for experiments and all that they start from: files that git knows, as they are now.

    Args:
        root: the project's folder, with a commit.
        experiments: name -> overrides.
    """
    workspace = git(root, "stash", "create") or "HEAD"  # a commit of the changed files; nothing else is touched
    tree = git(root, "rev-parse", f"{workspace}^{{tree}}")
    return hashlib.sha256(json.dumps([tree, experiments], sort_keys=True).encode()).hexdigest()[:8]
