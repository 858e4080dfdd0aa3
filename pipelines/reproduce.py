"""The flow `reproduce`: all of `dvc.yaml` as one Prefect task per stage, independent ones at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from difftalker.errors import UserError
from difftalker.project import RAW
from pipelines.artifacts import show_results
from pipelines.graph import Stage, changed_stages, read_graph
from pipelines.process import stopping_at_exit
from pipelines.runner import task_runner
from pipelines.stage import run_stage

STAGES_AT_ONCE = 1000  # all: threads that wait cost little, and `run_stage` itself limits what runs


@flow(name="reproduce", task_runner=task_runner("threads", STAGES_AT_ONCE))
def reproduce(targets: list[str] | None = None, root: str = ".", pull: bool = False) -> State[Any]:
    """Bring the outputs of all stages up to date, as `dvc repro` does.

    Args:
        targets: stages to bring up to date with all that they depend on; none means all of `dvc.yaml`.
        root: the project's folder; with Dask an absolute path that all workers see.
        pull: fetch missing outputs from the DVC remote instead of computing them, where it has them.

    Returns:
        The state of the run: completed, or failed or cancelled with one line that says why.
    """
    try:
        stages = read_graph(root, targets or ())
    except UserError as error:
        return Failed(message=str(error))
    futures: dict[str, PrefectFuture[Any]] = {}
    sharing = side_by_side(root, stages)
    try:
        with stopping_at_exit():
            for stage in stages:
                futures[stage.name] = run_stage.with_options(name=stage.name).submit(
                    root=root,
                    name=stage.name,
                    uses_device=stage.uses_device,
                    sharing=sharing if stage.recording else 1,
                    pull=pull or stage.command is None,  # tracked data cannot be made again, only fetched
                    return_state=False,
                    wait_for=[futures[name] for name in stage.upstream],
                )
            for future in futures.values():
                future.wait()
    except KeyboardInterrupt:
        return Cancelled(message="interrupted; the next run goes on where this one stopped")
    state = summary({name: future.state for name, future in futures.items()})
    if state.is_completed() and any(future.state.name != "Cached" for future in futures.values()):
        show_results(root)
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


def summary(states: Mapping[str, State[Any]]) -> State[Any]:
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
