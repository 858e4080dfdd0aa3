"""Which model is the champion: git tags `face#champion#N` by the GTO convention, the highest N counts.

`gto show` and `dvc artifacts get . face --stage champion` read the same tags. Without one, the champion is what the
checked-out commit records.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipelines.git import git, resolve
from pipelines.snapshot import ARTIFACT

PREFIX = f"{ARTIFACT}#champion#"


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
    """The present champion.

    Raises:
        UserError: the project has no commit yet.
    """
    numbers = _numbers(root)
    if not numbers:
        return Champion(resolve(root, "HEAD"), None)
    tag = f"{PREFIX}{max(numbers)}"
    return Champion(resolve(root, f"refs/tags/{tag}"), tag)


def crown(root: Path, revision: str, message: str) -> str:
    """Make a commit the champion. Returns the new tag.

    Raises:
        UserError: git refuses; another promotion may have come first.
    """
    tag = f"{PREFIX}{max(_numbers(root), default=0) + 1}"
    git(root, "tag", "--annotate", "--message", message, tag, revision)
    return tag


def _numbers(root: Path) -> list[int]:
    tags = git(root, "tag", "--list", f"{PREFIX}*").splitlines()
    return [int(number) for tag in tags if (number := tag.removeprefix(PREFIX)).isdigit()]
