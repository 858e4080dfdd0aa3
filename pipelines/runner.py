"""Where the tasks of a flow run: threads of this process, or workers of a Dask cluster that share its file system."""

from __future__ import annotations

from typing import Any, Literal

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from difftalker.errors import UserError


def task_runner(name: Literal["threads", "dask"], workers: int = 1, scheduler: str | None = None) -> TaskRunner[Any]:
    """Make a task runner, for `flow.with_options(task_runner=...)`.

    Args:
        name: `threads` or `dask`.
        workers: tasks at the same time, with `threads`. Dask's own workers and their threads decide otherwise.
        scheduler: address of the Dask scheduler, `tcp://host:8786`. Every worker needs the project under the same path,
            its Python environment, and a Prefect server that it can reach (`PREFECT_API_URL`).

    Raises:
        UserError: Dask without an address or without its packages, or an address without Dask.
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
