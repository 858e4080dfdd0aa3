"""The Prefect cache of stages, which follows DVC: a stage is cached in Prefect exactly if DVC says it is unchanged.

The key is DVC's fingerprint of the stage as it lies in the workspace: command, dependencies, params and outputs. If
anything differs from `dvc.lock`, or an output is missing, there is no key, so nothing can be found: the stage runs. If
nothing differs, its record is found, and made first if `dvc repro` or another machine brought the stage up to date. So
an old record can never hide a change (A, then B, then A again: the outputs are B's, there is no key), and no
unchanged stage starts a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext

from pipelines.graph import condition


@dataclass
class DvcStatus(CachePolicy):
    """For tasks with the parameters `root` and `name`, evaluated when all upstream stages have ended."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        now = condition(inputs["root"], inputs["name"])
        if now.changes:
            return None
        key = f"dvc-{now.fingerprint}"
        if not task_ctx.result_store.exists(key):
            task_ctx.result_store.write(now.outs, key=key)
        return key
