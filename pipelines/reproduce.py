"""The flow `reproduce`: all of `dvc.yaml` as one Prefect task per stage, independent ones at the same time.

The task of a stage is DVC's own command for it, under the locks that it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from difftalker.errors import UserError
from difftalker.project import RAW
from pipelines.champion import champion
from pipelines.graph import Stage, changed_stages, read_stages, recorded, stage_status
from pipelines.locks import cpu_place, device_lock, locked, project_lock
from pipelines.process import command_environment, run_command, stopping_at_exit
from pipelines.runtime import cancellation, in_one_line, showing_progress, task_runner

STAGES_AT_ONCE = 1000  # all: threads that wait cost little, and `run_stage` itself limits what runs
REPORT = Path("data/results/report.html")


@dataclass
class DvcStatus(CachePolicy):
    """A stage is cached in Prefect exactly if DVC says it is unchanged; evaluated when all upstream stages have ended.

    If anything differs from `dvc.lock`, or an output is missing, there is no key, so nothing can be found: the stage
    runs. If nothing differs, the stage's fingerprint is the key, and its record is found, made first if `dvc repro` or
    another machine brought it up to date. So an old record can never hide a change (A, then B, then A again: the
    outputs are B's, there is no key), and no unchanged stage starts a process.
    """

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The key for a task with the parameters `root` and `name`."""
        now = stage_status(inputs["root"], inputs["name"])
        if now.changes:
            return None
        key = f"dvc-{now.fingerprint}"
        if not task_ctx.result_store.exists(key):
            task_ctx.result_store.write(now.outs, key=key)
        return key


@task(
    name="stage",
    task_run_name="{name}",
    cache_policy=DvcStatus(),
    result_serializer="json",
    description="dvc repro --single-item",
)
@in_one_line
def run_stage(
    root: str, name: str, *, uses_device: bool = False, sharing: int = 1, pull: bool = False
) -> Mapping[str, str]:
    """Bring one stage up to date, its inputs being so.

    Args:
        root: the project's folder.
        name: the stage, as `dvc repro` takes it.
        uses_device: wait until no other stage of this machine runs networks.
        sharing: how many stages like this one there are to run side by side, each on its share of the cores.
        pull: fetch missing outputs from the DVC remote instead of computing them, where it has them.

    Returns:
        Hashes of the outputs by path.
    """
    stop = cancellation()
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *(["--pull"] * pull), name]
    cores: int | None = None
    with ExitStack() as stack:
        held = [stack.enter_context(locked(project_lock(root, name), f"another run of {name}"))]
        if uses_device:
            held.append(stack.enter_context(locked(device_lock(), "the compute device")))
        else:
            cores = stack.enter_context(cpu_place(sharing, stop))
        run_command(
            command,
            title=name,
            log=showing_progress(name),
            cwd=root,
            environment=command_environment(cores),
            stop=stop,
            holding=held,
        )
    return stage_status(root, name).outs


@flow(name="reproduce", task_runner=task_runner("threads", STAGES_AT_ONCE))
@in_one_line
def reproduce(targets: list[str] | None = None, root: str = ".", pull: bool = False) -> State[Any]:
    """Bring the outputs of all stages up to date, as `dvc repro` does.

    Args:
        targets: stages to bring up to date with all that they depend on; none means all of `dvc.yaml`.
        root: the project's folder; with Dask an absolute path that all workers see.
        pull: fetch missing outputs from the DVC remote instead of computing them, where it has them.
    """
    stages = read_stages(root, targets or ())
    futures: dict[str, PrefectFuture[Any]] = {}
    sharing = side_by_side(root, stages)
    with stopping_at_exit():
        for stage in stages:
            futures[stage.name] = run_stage.with_options(name=stage.name).submit(
                root=root,
                name=stage.name,
                uses_device=stage.uses_device,
                sharing=sharing if stage.recording else 1,
                pull=pull or stage.tracked,  # tracked data cannot be made again, only fetched
                return_state=False,
                wait_for=[futures[name] for name in stage.upstream],
            )
        for future in futures.values():
            future.wait()
    state = state_of_run({name: future.state for name, future in futures.items()})
    if state.is_completed() and any(future.state.name != "Cached" for future in futures.values()):
        show_results(Path(root))
    get_run_logger().info(state.message)
    return state


def side_by_side(root: str, stages: Sequence[Stage]) -> int:
    """How many recordings shall have cores of their own, of those with work to do in stages without networks.

    Their total length in units of the longest one's: one that makes most of the work would go on with its few cores
    when all others are done. Rounded, since two cores make a stage about one and a half times as fast as one.
    """
    context = FlowRunContext.get()
    if context is None or not isinstance(context.task_runner, ThreadPoolTaskRunner):
        return 1  # workers elsewhere have cores of their own
    found = {stage.name: stage.recording for stage in stages if stage.recording and not stage.uses_device}
    if len(set(found.values())) < 2:
        return 1
    names = {str(found[name]) for name in changed_stages(root, list(found))}
    sizes = [sum(file.stat().st_size for file in (Path(root) / RAW / name).rglob("*")) for name in names]
    return round(sum(sizes) / max(sizes)) if sizes and all(sizes) else len(names)


def state_of_run(states: Mapping[str, State[Any]]) -> State[Any]:
    """The state of a run from those of its stages: the first failure, else the first cancellation, else success."""
    for name, state in states.items():
        if state.is_failed() or state.is_crashed():
            waiting = [other for other, later in states.items() if later.name == "NotReady"]
            not_run = f"; not run: {', '.join(waiting)}" if waiting else ""
            return Failed(message=f"{state.message or name}{not_run}")
    if any(state.is_cancelled() for state in states.values()):
        return Cancelled(message="cancelled; the next run goes on where this one stopped")
    cached = sum(state.name == "Cached" for state in states.values())
    return Completed(
        message=f"{len(states)} stages: {cached} unchanged, {len(states) - cached} run",
        data={name: state.name for name, state in states.items()},
    )


def show_results(root: Path) -> None:
    """Make the artifacts `metrics`, `params` and `report` of the running flow."""
    revision, title = reference(root)
    metrics = difference_rows(root, "metrics", revision, title)
    if metrics:  # else only some stages were asked for, none that measures
        caption = f"Metrics, and how they differ from {title}"
        create_table_artifact(metrics, key="metrics", description=caption)
    params = [row for row in difference_rows(root, "params", revision, title) if row["now"] != row[title]]
    caption = f"Params that differ from {title}" if params else f"No param differs from {title}"
    create_table_artifact(params, key="params", description=caption)
    report = (root / REPORT).resolve()
    if report.is_file():
        create_link_artifact(
            report.as_uri(), key="report", link_text=str(report), description="The report of this run, a file here"
        )


def reference(root: Path) -> tuple[str | None, str]:
    """The git revision to compare with, the champion's, and what to call it; None before the first commit."""
    try:
        best = champion(root)
    except UserError:
        return None, "the last commit"
    return best.revision, best.tag or "the last commit"


def difference_rows(
    root: Path, what: Literal["metrics", "params"], revision: str | None, title: str
) -> list[dict[str, str]]:
    """Rows of a table of metrics or params: name, value now, value in the revision (under `title`), and change."""
    now, before = recorded(root, what), recorded(root, what, revision) if revision else {}
    rows = []
    for name in sorted(now.keys() | before.keys(), key=lambda name: (name.count("."), name)):
        new, old = now.get(name), before.get(name)
        row = {"name": name, "now": _show(new), title: _show(old)}
        if isinstance(new, int | float) and isinstance(old, int | float):
            row["change"] = f"{new - old:+.6g}"
        rows.append(row)
    return rows


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
