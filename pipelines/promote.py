"""Promotion and its undoing: a commit with the candidate's state and a tag on it; both leave other work alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from difftalker.errors import UserError
from difftalker.files import replacing
from pipelines.comparison import Run
from pipelines.environment import stage_environment
from pipelines.git import git, read, succeeds
from pipelines.process import run_command
from pipelines.registry import champion, crown

# Holds the commit that is being promoted, from before its tag is made until the workspace has it: see `finish`.
PENDING = Path(".dvc/tmp/flows/promotion")


def promote(root: Path, experiment: str, message: str) -> str:
    """Make an experiment's state a commit of its own and tag it as the champion. Workspace and branch stay.

    Args:
        root: the project's folder.
        experiment: the experiment's commit, whose parent is the commit that it started from.
        message: the commit's and the tag's.

    Returns:
        The tag.

    Raises:
        UserError: git refuses.
    """
    commit = git(root, "commit-tree", f"{experiment}^{{tree}}", "-p", f"{experiment}^", "-m", message)
    with replacing(root / PENDING) as partial:
        partial.write_text(commit, encoding="utf-8")
    return crown(root, commit, message)


def adopt(root: Path, tag: str, run: Run) -> str | None:
    """Take a promoted state into the current branch and the workspace, if no other work is in the way.

    Returns:
        None if done, else what is in the way. Then nothing was changed.

    Raises:
        UserError: DVC cannot put the files there.
    """
    obstacle = _take_in(root, tag, run)
    (root / PENDING).unlink(missing_ok=True)
    return obstacle


def finish(root: Path, run: Run) -> str | None:
    """Bring a promotion to its end that was killed between its tag and the last file in the workspace.

    One that was killed before its tag never happened.

    Returns:
        One line if there was such a promotion.

    Raises:
        UserError: DVC cannot put the files there.
    """
    try:
        commit = (root / PENDING).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    present = champion(root)
    if present.tag is None or present.revision != commit:
        (root / PENDING).unlink()
        return None
    obstacle = adopt(root, present.tag, run)
    return f"the promotion of {present.tag} was interrupted; " + (advice(obstacle, present.tag) or "it is complete now")


def advice(obstacle: str | None, tag: str) -> str | None:
    """What to say of an obstacle that `adopt` found."""
    return obstacle and f"{obstacle}; take the new model in with `git merge '{tag}' && dvc checkout`"


def _take_in(root: Path, tag: str, run: Run) -> str | None:
    if not succeeds(root, "merge-base", "--is-ancestor", "HEAD", tag):
        return "the branch has moved on since the training began"
    theirs = _changed_by(root, "HEAD", tag)
    for path in sorted(_uncommitted(root) & theirs):
        if _content(root, path) != read(root, tag, path):
            return f"{path} has changes that are not committed"
    for path in _uncommitted(root) & theirs:  # the very same change: the merge brings it back
        if succeeds(root, "cat-file", "-e", f"HEAD:{path}"):
            git(root, "checkout", "--quiet", "HEAD", "--", path)
        else:
            git(root, "rm", "--quiet", "--cached", "--ignore-unmatch", "--", path)
            (root / path).unlink(missing_ok=True)
    git(root, "merge", "--quiet", "--ff-only", tag)
    run(["dvc", "--wait-for-lock", "checkout", "--quiet"], root)
    return None


def demote(root: Path, run: Run) -> tuple[str, str]:
    """Undo the last promotion: the champion before it is the champion again, on the branch and in the workspace, too.

    Returns:
        The removed tag and the name of the present champion.

    Raises:
        UserError: nothing was promoted, or later work builds on it; then nothing is changed.
    """
    present = champion(root)
    if present.tag is None:
        raise UserError("nothing to undo: no model was promoted (`git tag --list 'face#champion#*'` is empty)")
    if succeeds(root, "merge-base", "--is-ancestor", present.revision, "HEAD"):
        mine = _uncommitted(root) & _changed_by(root, f"{present.revision}^", present.revision)
        if mine:
            raise UserError(f"{min(mine)} has changes that are not committed; commit or stash them first")
        if not succeeds(root, "revert", "--no-edit", "--no-commit", present.revision):
            succeeds(root, "revert", "--abort")
            raise UserError(
                f"later commits changed what {present.tag} brought; resolve `git revert {present.revision[:7]}` by "
                f"hand, then `git tag -d '{present.tag}'`"
            )
        git(root, "commit", "--quiet", "--no-verify", "--message", f"Demote {present.tag}")
        run(["dvc", "--wait-for-lock", "checkout", "--quiet"], root)
    git(root, "tag", "--delete", present.tag)
    return present.tag, champion(root).name


def run_quietly(command: Sequence[str], folder: Path) -> None:
    """Run a command outside of a flow. Raises `UserError` with its last line if it fails."""
    run_command(command, title=" ".join(command), log=lambda line: None, cwd=folder, environment=stage_environment())


def _changed_by(root: Path, before: str, after: str) -> set[str]:
    return set(git(root, "diff", "--name-only", "--no-renames", before, after).splitlines())


def _uncommitted(root: Path) -> set[str]:
    """Files with changes that are not committed, new ones included."""
    listed = git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z")
    return {entry[3:] for entry in listed.split("\0") if entry}


def _content(root: Path, path: str) -> str | None:
    file = root / path
    return file.read_text(encoding="utf-8").rstrip("\n") if file.is_file() else None
