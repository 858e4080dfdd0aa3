"""The task of one stage: DVC's own command for it, in a process group, under the locks that it needs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Cancelled, Failed

from difftalker.errors import UserError
from pipelines.cache import DvcStatus
from pipelines.cores import cpu_place
from pipelines.environment import stage_environment
from pipelines.graph import condition
from pipelines.locks import device_lock, locked, stage_lock
from pipelines.process import POLL, Stopped, run_command
from pipelines.progress import Progress


@task(
    name="stage",
    task_run_name="{name}",
    cache_policy=DvcStatus(),
    result_serializer="json",
    description="dvc repro --single-item",
)
def run_stage(
    root: str, name: str, *, uses_device: bool = False, sharing: int = 1, pull: bool = False
) -> dict[str, str] | State[Any]:
    """Bring one stage up to date, its inputs being so.

    Args:
        root: the project's folder.
        name: the stage, as `dvc repro` takes it.
        uses_device: wait until no other stage of this machine runs networks.
        sharing: how many stages like this one there are to run side by side, each on its share of the cores.
        pull: fetch missing outputs from the DVC remote instead of computing them, where it has them.

    Returns:
        Hashes of the outputs by path; or a failed or cancelled state with one line that says why.
    """
    log = get_run_logger().info
    stop = cancellation()
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *(["--pull"] * pull), name]
    cores: int | None = None
    try:
        with ExitStack() as stack:
            held = [stack.enter_context(locked(stage_lock(root, name), f"another run of {name}", log, stop))]
            if uses_device:
                held.append(stack.enter_context(locked(device_lock(), "the compute device", log, stop)))
            else:
                cores = stack.enter_context(cpu_place(sharing, stop))
            run_command(
                command,
                title=name,
                log=Progress(name, log).line,
                cwd=Path(root),
                environment=stage_environment(cores),
                stop=stop,
                holding=held,
            )
    except Stopped as stopped:
        return Cancelled(message=str(stopped))
    except UserError as error:
        return Failed(message=str(error))
    return condition(root, name).outs


def cancellation() -> Callable[[], bool]:
    """A question for `run_command` and `locked`: has the present flow run, or that of the present task, been cancelled?

    The server is asked at most every two seconds, however often the question is put.
    """
    task_context, flow_context = TaskRunContext.get(), FlowRunContext.get()
    client: Any
    if task_context is not None:
        client, flow_run = task_context.client, task_context.task_run.flow_run_id
    elif flow_context is not None and flow_context.flow_run is not None:
        client, flow_run = flow_context.client, flow_context.flow_run.id
    else:
        return lambda: False
    if flow_run is None:
        return lambda: False
    asked, answer = -POLL, False

    def cancelled() -> bool:
        nonlocal asked, answer
        if not answer and time.monotonic() - asked >= POLL:
            asked = time.monotonic()
            try:
                state = client.read_flow_run(flow_run).state
            except Exception:  # a server that does not answer for a moment is no reason to end an hour's training
                return False
            answer = state is not None and (state.is_cancelling() or state.is_cancelled())
        return answer

    return cancelled
