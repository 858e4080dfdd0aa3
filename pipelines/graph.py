"""What is asked of DVC: stages in order with what they wait for, how each differs from `dvc.lock`, recorded figures.

Nothing of the graph is written down a second time. DVC's own lock is held while reading, since another process may be
writing `dvc.lock`; the kernel releases it with the process. docs/development.md says what of DVC is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from difftalker.config import flatten, lookup
from difftalker.errors import UserError
from difftalker.project import RAW

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage as DvcStage

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Stage:
    """A node of the graph.

    Attributes:
        name: as `dvc repro` takes it from the project's folder: `train_face`, `data/raw/dvc.yaml:render_demo`,
            `extract_frames@anna`, or `data/raw/anna.dvc` for tracked data.
        upstream: names of the stages whose outputs it reads.
        tracked: whether it is tracked data, which has nothing to run.
        uses_device: whether networks run in it. On a CPU these use all cores, too.
        recording: the item of the matrix that it belongs to, if any.
    """

    name: str
    upstream: tuple[str, ...]
    tracked: bool
    uses_device: bool
    recording: str | None


@dataclass(frozen=True)
class StageStatus:
    """What DVC says about a stage.

    Attributes:
        changes: how it differs from `dvc.lock`, as in `dvc status --json`; empty if it does not.
        outs: path -> recorded hash of each output.
        fingerprint: hash of its command and of all hashes and params that are recorded of it.
    """

    changes: Sequence[Any]
    outs: Mapping[str, str]
    fingerprint: str


def read_stages(root: Path | str = ".", targets: Sequence[str] = ()) -> list[Stage]:
    """The stages that `dvc repro TARGETS` goes through, each after those that it waits for; no target means `dvc.yaml`.

    Raises `UserError` if there is no project, or one that DVC cannot read.
    """
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    with _opened(root) as repo:
        params = Path(repo.root_dir) / "params.yaml"
        values = yaml.safe_load(params.read_text(encoding="utf-8")) if params.is_file() else {}
        graph = get_active_graph(repo.index.graph)
        steps = plan_repro(graph, collect_stages(repo, [_target(repo, name) for name in targets or ["dvc.yaml"]]))
        return [
            Stage(
                name=_name(repo, stage),
                upstream=tuple(sorted(_name(repo, other) for other in graph.successors(stage))),
                tracked=stage.cmd is None,
                uses_device=_uses_device(stage, values),
                recording=_name(repo, stage).partition("@")[2] or None,
            )
            for stage in steps
        ]


def stage_status(root: Path | str, name: str) -> StageStatus:
    """What DVC says about a stage now, by the same comparison as `dvc repro -s NAME` and without its side effects.

    Raises `UserError` if there is no such stage, or DVC cannot read it.
    """
    with _opened(root) as repo:
        target = _target(repo, name)
        (stage,) = repo.stage.collect(target)
        deps, outs = ([(_path(repo, e.fs_path), e.hash_info.value) for e in part] for part in (stage.deps, stage.outs))
        changes = [change for found in repo.status([target]).values() for change in found]
        text = json.dumps([name, stage.cmd, deps, outs], sort_keys=True, default=str)
        return StageStatus(changes, dict(outs), hashlib.sha256(text.encode()).hexdigest()[:32])


def changed_stages(root: Path | str, names: Sequence[str]) -> list[str]:
    """Those of the stages for which DVC says now that something differs from `dvc.lock`; raises as `stage_status`."""
    with _opened(root) as repo:
        return [name for name in names if repo.status([_target(repo, name)])]


def recorded(root: Path | str, what: Literal["metrics", "params"], revision: str | None = None) -> dict[str, Any]:
    """All metrics or params of the workspace, or of a git revision, by dotted names; raises `UserError` as DVC says."""
    from dvc.api import metrics_show, params_show

    with _plain_errors():
        return flatten((metrics_show if what == "metrics" else params_show)(repo=str(root), rev=revision))


def change_params(params: Path, overrides: Sequence[str]) -> None:
    """Change a parameter file as `dvc exp run --set-param` does; raises `UserError` for what is no `key=value`."""
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    try:
        apply_overrides(params, list(overrides))
    except (DvcException, ValueError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"overrides {' '.join(overrides)}: {reason}") from None


def local_cache(root: Path) -> Path:
    """The folder of DVC's local cache."""
    with _opened(root) as repo:
        return Path(repo.cache.local_cache_dir)


def mend_after_kill(root: Path | str) -> None:
    """Remove what a kill left half written of the files that DVC writes in place: it would refuse all work.

    They are its lists of who reads and writes what, written under locks of their own, and `dvc.lock`, written under the
    project's: nobody is at them when these are free. What `dvc.lock` told of stages is in DVC's run cache, so `dvc
    repro` runs none of them again.
    """
    root, scratch = Path(root), Path(root) / ".dvc/tmp"
    locks = {folder / "rwlock": folder / "rwlock.lock" for folder in (scratch, scratch / "exps")}
    locks |= {folder / "dvc.lock": scratch / "lock" for folder in (root, root / RAW)}
    for path, guard in locks.items():
        if path.is_file() and not _is_whole(path) and scratch.is_dir():
            with guard.open("a") as file, suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is_whole(path):
                    path.unlink()


def _is_whole(path: Path) -> bool:
    """Whether it is a list, which is JSON, or a lock file: YAML with a command for every stage.

    What ends with a line break was written to its end: a lock file that is wrong then, as after a merge, is the user's.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    if text.endswith("\n"):
        return True
    try:
        if path.suffix:
            stages = yaml.safe_load(text)["stages"].values()
            return all("cmd" in stage and all("path" in out for out in stage.get("outs", [])) for stage in stages)
        return isinstance(json.loads(text), dict)
    except (ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError):
        return False


@contextmanager
def _plain_errors() -> Iterator[None]:
    from dvc.exceptions import DvcException

    with _one_at_a_time:
        try:
            yield
        except DvcException as error:
            raise UserError(" ".join(str(error).split())) from None


@contextmanager
def _opened(root: Path | str) -> Iterator[Repo]:
    from dvc.repo import Repo, lock_repo

    mend_after_kill(root)
    with _plain_errors(), Repo(str(root), _wait_for_lock=True) as repo, lock_repo(repo):
        yield repo


def _uses_device(stage: DvcStage, values: Mapping[str, Any]) -> bool:
    """Whether it depends on the key `device` and, if its `meta` in dvc.yaml says `device: {KEY: VALUE}`, that holds."""
    only_if = (getattr(stage, "meta", None) or {}).get("device", {})
    uses = any("device" in dependency.params for dependency in stage.params)
    return uses and all(lookup(values, key) == value for key, value in only_if.items())


def _path(repo: Repo, path: str) -> str:
    return Path(path).relative_to(repo.root_dir).as_posix()


def _name(repo: Repo, stage: DvcStage) -> str:
    """`stage.addressing`, which is relative to the working directory, relative to the project instead."""
    file, name = _path(repo, stage.path), getattr(stage, "name", None)
    return file if name is None else name if file == "dvc.yaml" else f"{file}:{name}"


def _target(repo: Repo, name: str) -> str:
    """A name of `_name` as DVC finds it from any working directory."""
    file, _, stage = name.rpartition(":")
    if name.endswith((".dvc", "dvc.yaml")):
        return str(Path(repo.root_dir) / name)
    return f"{Path(repo.root_dir) / (file or 'dvc.yaml')}:{stage}"
