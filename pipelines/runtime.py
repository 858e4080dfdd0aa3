"""How flows run in Prefect: where tasks run, whether they were cancelled, how they end, commands and their progress."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast
from uuid import UUID

import prefect.runtime
from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import CancelledRun, FailedRun
from prefect.states import Cancelled, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from difftalker.errors import UserError
from pipelines.process import Stopped, run_command

P = ParamSpec("P")
R = TypeVar("R")

POLL = 2.0  # seconds between two questions to the server whether a run was cancelled
_STEP = re.compile(r"^[\w ]+: step (?P<done>\d+)/(?P<total>\d+)(?:, .*)?$")


def task_runner(name: Literal["threads", "dask"], workers: int = 1, scheduler: str | None = None) -> TaskRunner[Any]:
    """Make a task runner, for `flow.with_options(task_runner=...)`.

    Args:
        name: `threads` of this process, or `dask`: workers of a cluster. Each of these needs the project under the same
            path, its Python environment, and a Prefect server that it can reach (`PREFECT_API_URL`).
        workers: tasks at the same time, with `threads`.
        scheduler: address of the Dask scheduler, `tcp://host:8786`.

    Raises `UserError` for Dask without an address or without its packages, and for an address without Dask.
    """
    if name == "threads":
        if scheduler is not None:
            raise UserError(f"scheduler {scheduler}: is only used by the runner dask; give --runner dask")
        return ThreadPoolTaskRunner(max_workers=workers)
    if scheduler is None:
        raise UserError("runner dask: give the address of a scheduler, such as tcp://host:8786 (`dask scheduler`)")
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise UserError('runner dask: its packages are not installed; run `pip install -e ".[dask]"`') from None
    return DaskTaskRunner(address=scheduler)


def cancellation() -> Callable[[], bool]:
    """A question for `run_command` and `locked`: has the present flow run, or that of the present task, been cancelled?

    The server is asked at most every two seconds, however often the question is put.
    """
    context: Any = TaskRunContext.get() or FlowRunContext.get()
    flow_run = prefect.runtime.flow_run.id
    if context is None or flow_run is None:
        return lambda: False
    asked, answer = -POLL, False

    def cancelled() -> bool:
        nonlocal asked, answer
        if not answer and time.monotonic() - asked >= POLL:
            asked = time.monotonic()
            try:
                state = context.client.read_flow_run(UUID(flow_run)).state
            except Exception:  # a server that does not answer for a moment is no reason to end an hour's training
                return False
            answer = state is not None and (state.is_cancelling() or state.is_cancelled())
        return answer

    return cancelled


def in_one_line(function: Callable[P, R]) -> Callable[P, R]:
    """For the function of a task or flow: user errors fail it, a stop cancels it, each with its line, no traceback.

    So do, for a flow, tasks that ended thus (`task(..., return_state=True).result()`).
    """

    @functools.wraps(function)
    def ended(*arguments: P.args, **options: P.kwargs) -> R | State[Any]:
        try:
            return function(*arguments, **options)
        except (Stopped, CancelledRun) as stopped:
            return Cancelled(message=str(stopped))
        except KeyboardInterrupt:
            return Cancelled(message="interrupted; the next run goes on where this one stopped")
        except (UserError, FailedRun) as error:
            return Failed(message=str(error))

    return cast("Callable[P, R]", ended)  # Prefect takes a state that is returned for the run's, not for its result


def artifact_key(*parts: str) -> str:
    """A key as Prefect allows it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def parse_progress(line: str) -> float | None:
    """Percentage in a line such as `face: step 90/900, loss 0.05, 1.1 steps/s, 12:30 left`; None for other lines."""
    found = _STEP.match(line.strip())
    if found is None or not int(found["total"]):
        return None
    return 100.0 * int(found["done"]) / int(found["total"])


def showing_progress(name: str) -> Callable[[str], None]:
    """For the lines of a command of the present task: logs each, and shows the progress that they tell in Prefect."""
    log, key = get_run_logger().info, artifact_key("progress", name)
    artifact: UUID | None = None

    def listen(line: str) -> None:
        nonlocal artifact
        log(line)
        percent = parse_progress(line)
        if percent is not None and artifact is None:
            created = create_progress_artifact(percent, key=key, description=line.strip())
            artifact = cast(UUID, created)  # a coroutine only in asynchronous callers
        elif percent is not None and artifact is not None:
            update_progress_artifact(artifact, percent, description=line.strip())

    return listen


def run_dvc(folder: Path, *arguments: str, holding: Sequence[int] = ()) -> None:
    """Run a command of DVC in a folder, its output in the log of the present flow or task, if any; as `run_command`."""
    log = get_run_logger().info if FlowRunContext.get() or TaskRunContext.get() else lambda line: None
    title = " ".join(["dvc", *(part for part in arguments if not part.startswith("-"))])
    command = ["dvc", "--wait-for-lock", *arguments]
    run_command(command, title=title, log=log, cwd=folder, stop=cancellation(), holding=holding)
