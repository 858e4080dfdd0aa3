"""Which model is the champion; promotion and its undoing, which leave other work alone.

The champion is what the newest tag `face#champion#N` (highest N) stands for; without one, what the checked-out commit
records. `gto show` and `dvc artifacts get . face --stage champion` read the same tags. GTO's Python interface is not
used: it goes by the time of the tags, in seconds, and leaves two promotions within a second in no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from difftalker.errors import UserError
from difftalker.files import replacing
from pipelines.revision import git, read, resolve, succeeds
from pipelines.runtime import run_dvc

PREFIX = "face#champion#"  # `face` is in `artifacts` of dvc.yaml
# Holds the commit that is being promoted, from before its tag is made until the workspace has it: see `finish`.
PENDING = Path(".dvc/tmp/flows/promotion")


@dataclass(frozen=True)
class Champion:
    """The model in use: its commit, and its tag if it was promoted."""

    revision: str
    tag: str | None

    @property
    def name(self) -> str:
        """For messages."""
        return self.tag or f"{self.revision[:7]} (HEAD)"


def champion(root: Path) -> Champion:
    """The present champion of the project; raises `UserError` if it has no commit yet."""
    numbers = _numbers(root)
    if not numbers:
        return Champion(resolve(root, "HEAD"), None)
    tag = f"{PREFIX}{max(numbers)}"
    return Champion(resolve(root, f"refs/tags/{tag}"), tag)


def promote(root: Path, experiment: str, message: str) -> str:
    """Make an experiment's state a commit of its own and tag it as the champion. Workspace and branch stay.

    The experiment is a commit whose parent is the commit that it started from. Returns the tag.
    """
    commit = git(root, "commit-tree", f"{experiment}^{{tree}}", "-p", f"{experiment}^", "-m", message)
    with replacing(root / PENDING) as partial:
        partial.write_text(commit, encoding="utf-8")
    tag = f"{PREFIX}{max(_numbers(root), default=0) + 1}"
    git(root, "tag", "--annotate", "--message", message, tag, commit)
    return tag


def adopt(root: Path, tag: str) -> str | None:
    """Take a promoted state into the current branch and the workspace, if no other work is in the way.

    Returns None if done, else what is in the way and what to do; then nothing was changed. Raises `UserError` if DVC
    cannot put the files there.
    """
    obstacle = _merge(root, tag)
    (root / PENDING).unlink(missing_ok=True)
    return obstacle and f"{obstacle}; take the new model in with `git merge '{tag}' && dvc checkout`"


def finish(root: Path) -> str | None:
    """Bring a promotion to its end that was killed between its tag and the last file in the workspace.

    One that was killed before its tag never happened. Returns a line if there was such a promotion; raises as `adopt`.
    """
    try:
        commit = (root / PENDING).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    present = champion(root)
    if present.tag is None or present.revision != commit:
        (root / PENDING).unlink()
        return None
    said = adopt(root, present.tag) or "it is complete now"
    return f"the promotion of {present.tag} was interrupted; {said}"


def demote(root: Path) -> tuple[str, str]:
    """Undo the last promotion: the champion before it is the champion again, on the branch and in the workspace, too.

    Returns the removed tag and the name of the present champion. Raises `UserError` if nothing was promoted, or later
    work builds on it; then nothing is changed.
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
        run_dvc(root, "checkout", "--quiet")
    git(root, "tag", "--delete", present.tag)
    return present.tag, champion(root).name


def _merge(root: Path, tag: str) -> str | None:
    if not succeeds(root, "merge-base", "--is-ancestor", "HEAD", tag):
        return "the branch has moved on since the training began"
    shared = sorted(_uncommitted(root) & _changed_by(root, "HEAD", tag))
    for path in shared:
        file = root / path
        content = file.read_text(encoding="utf-8").rstrip("\n") if file.is_file() else None
        if content != read(root, tag, path):
            return f"{path} has changes that are not committed"
    for path in shared:  # the very same change: the merge brings it back
        if succeeds(root, "cat-file", "-e", f"HEAD:{path}"):
            git(root, "checkout", "--quiet", "HEAD", "--", path)
        else:
            git(root, "rm", "--quiet", "--cached", "--ignore-unmatch", "--", path)
            (root / path).unlink(missing_ok=True)
    git(root, "merge", "--quiet", "--ff-only", tag)
    run_dvc(root, "checkout", "--quiet")
    return None


def _numbers(root: Path) -> list[int]:
    tags = git(root, "tag", "--list", f"{PREFIX}*").splitlines()
    return [int(number) for tag in tags if (number := tag.removeprefix(PREFIX)).isdigit()]


def _changed_by(root: Path, before: str, after: str) -> set[str]:
    return set(git(root, "diff", "--name-only", "--no-renames", before, after).splitlines())


def _uncommitted(root: Path) -> set[str]:
    """Files with changes that are not committed, new ones included."""
    listed = git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z")
    return {entry[3:] for entry in listed.split("\0") if entry}
