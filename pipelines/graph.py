"""DVC's graph, read from DVC: stages in order with what they wait for, and what DVC says about each of them now.

Nothing of the graph is written down a second time. DVC's own lock is held while reading, since another process may be
writing `dvc.lock`; the kernel releases it with the process.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from difftalker.errors import UserError
from pipelines.snapshot import lookup

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
        command: None for tracked data, which has nothing to run.
        params: keys of `params.yaml` that it depends on.
        outs: its outputs, paths from the project's folder.
        uses_device: whether networks run in it. On a CPU these use all cores, too.
    """

    name: str
    upstream: tuple[str, ...]
    command: str | None
    params: tuple[str, ...]
    outs: tuple[str, ...]
    uses_device: bool

    @property
    def recording(self) -> str | None:
        """The item of the matrix that it belongs to, if any."""
        return self.name.rpartition("@")[2] if "@" in self.name else None


@dataclass(frozen=True)
class Condition:
    """What DVC says about a stage.

    Attributes:
        fingerprint: hash of all that DVC hashes: command, dependencies, params and outputs, as recorded in `dvc.lock`
            if nothing changed.
        changes: what differs from `dvc.lock`, one short text each. Empty: `dvc repro` would not run it.
        outs: hashes of the outputs by path, as recorded.
    """

    fingerprint: str
    changes: tuple[str, ...]
    outs: dict[str, str]


def read_graph(root: Path | str = ".", targets: Sequence[str] = ()) -> list[Stage]:
    """The stages that `dvc repro TARGETS` goes through, each after those that it waits for.

    Args:
        root: the project's folder.
        targets: stages or files as for `dvc repro`; none means `dvc.yaml`.

    Raises:
        UserError: no project, or one that DVC cannot read.
    """
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    with _opened(root) as repo:
        values = _params(repo)
        graph = get_active_graph(repo.index.graph)
        steps = plan_repro(graph, collect_stages(repo, [_target(repo, name) for name in targets or ["dvc.yaml"]]))
        return [
            Stage(
                name=_name(repo, stage),
                upstream=tuple(sorted(_name(repo, other) for other in graph.successors(stage))),
                command=stage.cmd if stage.cmd is None or isinstance(stage.cmd, str) else "\n".join(stage.cmd),
                params=tuple(sorted(str(key) for dependency in stage.params for key in dependency.params)),
                outs=tuple(_path(repo, out.fs_path) for out in stage.outs),
                uses_device=_uses_device(stage, values),
            )
            for stage in steps
        ]


def condition(root: Path | str, name: str) -> Condition:
    """What DVC says about a stage now, by the same comparison as `dvc repro -s NAME` and without its side effects.

    Raises:
        UserError: no such stage, or DVC cannot read it.
    """
    from dvc.stage.serialize import to_single_stage_lockfile

    with _opened(root) as repo:
        (stage,) = repo.stage.collect(_target(repo, name))
        if stage.is_data_source:
            entry: dict[str, Any] = stage.dumpd()
        else:
            entry = to_single_stage_lockfile(stage, with_files=True)
        text = json.dumps([name, entry], sort_keys=True, default=str)
        return Condition(
            fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32],
            changes=tuple(_changes(stage)),
            outs={_path(repo, out.fs_path): str(out.hash_info.value) for out in stage.outs if out.hash_info},
        )


def changed_stages(root: Path | str, names: Sequence[str]) -> list[str]:
    """Those of the stages for which DVC says now that something differs from `dvc.lock`.

    Raises:
        UserError: no such stage, or DVC cannot read it.
    """
    with _opened(root) as repo:
        stages = {name: repo.stage.collect(_target(repo, name))[0] for name in names}
        return [name for name, stage in stages.items() if any(_changes(stage))]


def compare(
    root: Path | str, revision: str, what: Literal["metrics", "params"]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Metrics or params of the workspace beside those of a git revision, as `dvc metrics diff --all` gives them.

    Returns:
        File -> name with dots -> `old`, `new`, and `diff` for numbers; without a commit, all is new.

    Raises:
        UserError: no such revision.
    """
    with _opened(root) as repo:
        shown = getattr(repo, what)
        if not repo.scm.no_commits:
            return dict(shown.diff(a_rev=revision, all=True).get("diff", {}))
        from dvc.utils.diff import diff, format_dict

        return dict(diff({}, format_dict(shown.show().get("", {}).get("data", {})), with_unchanged=True))


def _params(repo: Repo) -> dict[str, Any]:
    path = Path(repo.root_dir) / "params.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def _uses_device(stage: DvcStage, values: Mapping[str, Any]) -> bool:
    """Whether it depends on the key `device` and, if its `meta` in dvc.yaml says `device: {KEY: VALUE}`, that holds."""
    if not any("device" in dependency.params for dependency in stage.params):
        return False
    only_if = (getattr(stage, "meta", None) or {}).get("device", {})
    return all(lookup(values, key) == value for key, value in only_if.items())


def _changes(stage: DvcStage) -> Iterator[str]:
    if stage.changed_stage():
        yield "command or definition: modified"
    if stage.is_callback or stage.always_changed:
        yield "runs always"
    for entry in [*([] if stage.frozen else stage.deps), *stage.outs]:
        for path, what in entry.status().items():
            if isinstance(what, dict):
                yield from (f"{path}: {key}: {how}" for key, how in what.items())
            else:
                yield f"{path}: {what}"


@contextmanager
def _opened(root: Path | str) -> Iterator[Repo]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    with _one_at_a_time:
        try:
            with Repo(str(root), _wait_for_lock=True) as repo, lock_repo(repo):
                yield repo
        except DvcException as error:
            raise UserError(" ".join(str(error).split())) from None


def _path(repo: Repo, path: str) -> str:
    return Path(path).relative_to(repo.root_dir).as_posix()


def _name(repo: Repo, stage: DvcStage) -> str:
    """`stage.addressing`, which is relative to the working directory, relative to the project instead."""
    file = _path(repo, stage.path)
    name = getattr(stage, "name", None)
    if name is None:
        return file
    return str(name) if file == "dvc.yaml" else f"{file}:{name}"


def _target(repo: Repo, name: str) -> str:
    """A name of `_name` as DVC finds it from any working directory."""
    file, _, stage = name.rpartition(":")
    if not file and not name.endswith((".dvc", "dvc.yaml")):
        file, stage = "dvc.yaml", name
    path = str(Path(repo.root_dir) / (file or name))
    return f"{path}:{stage}" if file else path
