"""Git, as far as the flows need it: read files of a revision, make commits and tags without touching the workspace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from difftalker.errors import UserError

_IDENTITY = {"NAME": "DiffTalker", "EMAIL": "difftalker@localhost"}  # where git knows no user, as on a bare server


def git(root: Path, *arguments: str) -> str:
    """Run a git command in a project. Returns its output without the last line break.

    Raises:
        UserError: git refuses, with its reason.
    """
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=_environment(root), capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = " ".join((done.stderr or done.stdout).split())
        raise UserError(f"git {arguments[0]} failed in {root}: {reason}")
    return done.stdout.rstrip("\n")


def succeeds(root: Path, *arguments: str) -> bool:
    """Whether a git command that asks a yes-or-no question answers yes."""
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False).returncode == 0


def resolve(root: Path, name: str) -> str:
    """The full hash of the commit that a name stands for.

    Raises:
        UserError: there is none.
    """
    if not succeeds(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"):
        raise UserError(f"{name}: no commit of that name in {root}; see `git log` and `dvc exp show`")
    return git(root, "rev-parse", "--verify", f"{name}^{{commit}}")


def read(root: Path, revision: str, path: str) -> str | None:
    """Content of a file in a revision; None if it has no such file."""
    if not succeeds(root, "cat-file", "-e", f"{revision}:{path}"):
        return None
    return git(root, "show", f"{revision}:{path}")


def experiment(root: Path, name: str) -> str:
    """The commit of a DVC experiment, the newest of that name.

    Raises:
        UserError: there is none.
    """
    listed = git(root, "for-each-ref", "--sort=-committerdate", "--format=%(objectname) %(refname)", "refs/exps")
    for line in listed.splitlines():
        commit, reference = line.split()
        parts = reference.split("/")
        if parts[-1] == name and parts[2] not in ("exec", "stash", "celery"):
            return commit
    raise UserError(f"{name}: no experiment of that name; see `dvc exp show`")


def _environment(root: Path) -> dict[str, str]:
    environment = dict(os.environ)
    if not succeeds(root, "config", "user.email"):
        for role in ("AUTHOR", "COMMITTER"):
            for field, value in _IDENTITY.items():
                environment.setdefault(f"GIT_{role}_{field}", value)
    return environment
