"""Git, and a revision of the project seen through it: params.yaml, dvc.lock and metrics.json.

Files of a revision are read, commits and tags made, without touching the workspace.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from difftalker.errors import UserError
from difftalker.face_folder import FACE_FILES
from difftalker.project import METRICS, MODELS

# Where git knows no user, as on a bare server.
_IDENTITY = ("-c", "user.name=DiffTalker", "-c", "user.email=difftalker@localhost")


def git(root: Path, *arguments: str) -> str:
    """The output of a git command without its last line break; raises `UserError` with git's reason if it refuses."""
    identity = () if succeeds(root, "config", "user.email") else _IDENTITY
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        raise UserError(f"git {arguments[0]} failed in {root}: {reason}")
    return done.stdout.rstrip("\n")


def succeeds(root: Path, *arguments: str) -> bool:
    """Whether a git command that asks a yes-or-no question answers yes."""
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False).returncode == 0


def resolve(root: Path, name: str) -> str:
    """The full hash of the commit that a name stands for; raises `UserError` if there is none."""
    if not succeeds(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"):
        raise UserError(f"{name}: no commit of that name in {root}; see `git log` and `dvc exp show`")
    return git(root, "rev-parse", "--verify", f"{name}^{{commit}}")


def read(root: Path, revision: str, path: str) -> str | None:
    """Content of a file in a revision; None if it has no such file."""
    if not succeeds(root, "cat-file", "-e", f"{revision}:{path}"):
        return None
    return git(root, "show", f"{revision}:{path}")


@dataclass(frozen=True)
class Snapshot:
    """What a revision records.

    Attributes:
        revision: full hash of the commit.
        params: params.yaml.
        stages: dvc.lock's entries by stage.
        metrics: metrics.json, None if the revision has none.
    """

    revision: str
    params: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any] | None

    @classmethod
    def read(cls, root: Path, name: str) -> Snapshot:
        """Read whatever git resolves to a commit; raises `UserError` if there is none of that name."""
        revision = resolve(root, name)

        def document(path: str) -> dict[str, Any]:
            return yaml.safe_load(read(root, revision, path) or "") or {}

        metrics = read(root, revision, METRICS.as_posix())
        return cls(
            revision=revision,
            params=document("params.yaml"),
            stages=document("dvc.lock").get("stages", {}),
            metrics=None if metrics is None else json.loads(metrics),
        )

    @property
    def trained(self) -> bool:
        """Whether the revision has a measured model."""
        return self.metrics is not None and {"synthesise", "make_films", "evaluate"} <= self.stages.keys()

    def model_hashes(self) -> dict[str, str]:
        """Path and hash of each part of the face that a run left. The sync expert, an instrument, is none."""
        parts = {f"{MODELS.as_posix()}/{part}" for part in FACE_FILES}
        outputs = (self.hashes(stage, "outs") for stage in self.stages)
        return dict(sorted((path, found) for paths in outputs for path, found in paths.items() if path in parts))

    def hashes(self, stage: str, part: Literal["deps", "outs"]) -> dict[str, str]:
        """Path and hash of each dependency or output of a stage."""
        entries = self.stages.get(stage, {}).get(part, [])
        return {entry["path"]: str(entry.get(entry.get("hash", "md5"))) for entry in entries}

    def stage_params(self, stage: str) -> dict[str, Any]:
        """The params that a stage read, by their keys."""
        return dict(self.stages.get(stage, {}).get("params", {}).get("params.yaml", {}))
