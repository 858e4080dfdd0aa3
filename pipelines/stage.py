"""The task of one stage: DVC's own command for it, under the locks that it needs, and its place in Prefect's cache."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext

from pipelines.graph import stage_status
from pipelines.locks import cpu_place, device_lock, locked, stage_lock
from pipelines.process import command_environment, run_command
from pipelines.runtime import ProgressArtifact, cancellation, in_one_line


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
    log, stop = get_run_logger().info, cancellation()
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *(["--pull"] * pull), name]
    cores: int | None = None
    with ExitStack() as stack:
        held = [stack.enter_context(locked(stage_lock(root, name), f"another run of {name}", log, stop))]
        if uses_device:
            held.append(stack.enter_context(locked(device_lock(), "the compute device", log, stop)))
        else:
            cores = stack.enter_context(cpu_place(sharing, stop))
        run_command(
            command,
            title=name,
            log=ProgressArtifact(name, log).line,
            cwd=root,
            environment=command_environment(cores),
            stop=stop,
            holding=held,
        )
    return stage_status(root, name).outs
