"""The flow `study`: the paper's ablations, or any grid of parameters, as DVC experiments, and their tables."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed

from difftalker.config import flatten
from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.project import METRICS
from difftalker.report.study import ABLATIONS, Variant, combinations, study_csv, study_markdown
from pipelines.experiment import SCRATCH, find_experiment, overridden, run_experiment
from pipelines.locks import device_lock, locked, project_lock
from pipelines.process import stopping_at_exit
from pipelines.revision import Snapshot, git
from pipelines.runtime import in_one_line, task_runner

STUDIES = Path("data/results/studies")  # git-ignored


@flow(name="study", task_runner=task_runner("threads"))
@in_one_line
def study(grid: dict[str, list[Any]] | None = None, overrides: list[str] | None = None, root: str = ".") -> State[str]:
    """Run experiments in temporary copies of the project and compare them.

    A study is known by its experiments and by the files that they start from. If it was stopped or killed, starting it
    again runs what is missing, from the checkpoints of what was running, and takes the rest as it is. How many run at
    the same time is the task runner's matter.

    Args:
        grid: parameter -> values to try in every combination. None means the paper's ablations.
        overrides: parameters to change in all experiments, as for `dvc exp run -S`.
        root: the project's folder.

    Returns:
        The folder with `study.md` and `study.csv`, where experiments that failed are marked. Failed if one did, or if a
        parameter is wrong.
    """
    folder = Path(root).resolve()
    variants = combinations(grid) if grid else ABLATIONS
    chosen = {name: [*(overrides or []), *changes] for name, changes in variants.items()}
    params = {name: flatten(overridden(folder, changes)) for name, changes in chosen.items()}
    futures: dict[str, PrefectFuture[Any]] = {}
    # One study at a time, else two of the same would both run what is missing.
    with stopping_at_exit(), locked(project_lock(folder, "flow:study"), "another study"):
        mark = identity(folder, chosen)
        with locked(device_lock(), "the compute device") as held:
            for name, changes in chosen.items():
                futures[name] = measure_variant.with_options(name=name).submit(
                    folder, f"study-{mark}-{name}", changes, held, return_state=False
                )
            for future in futures.values():
                future.wait()
    states = {name: future.state for name, future in futures.items()}
    if any(state.is_cancelled() for state in states.values()):
        return Cancelled(message="cancelled; the same study goes on where this one stopped")
    metrics = {name: state.result() for name, state in states.items() if state.is_completed()}
    failed = [str(state.message) for state in states.values() if not state.is_completed()]
    if not metrics:
        raise UserError(f"no experiment succeeded; {failed[0]}")
    target = folder / STUDIES / mark
    write_tables(target, [Variant(name, params[name], metrics.get(name)) for name in states])
    report = f"{len(metrics)} of {len(states)} experiments succeeded; tables in {target}"
    get_run_logger().info(report)
    if failed:
        return Failed(message=f"{report}; failed: {'; '.join(failed)}")
    return Completed(message=report, data=str(target))


@task(name="measure")
@in_one_line
def measure_variant(root: Path, name: str, overrides: Sequence[str], device: int) -> Mapping[str, Any]:
    """The metrics of an experiment, which is run if there is none of that name; `device`: the device's open lock."""
    try:
        commit = find_experiment(root, name)
        get_run_logger().info(f"{name}: was run before")
    except UserError:
        scratch = SCRATCH / name
        run_experiment(root, name, overrides, device, scratch)
        shutil.rmtree(root / scratch, ignore_errors=True)  # empty: each training removes its checkpoints
        commit = find_experiment(root, name)
    metrics = Snapshot.read(root, commit).metrics
    if metrics is None:
        raise UserError(f"{name}: the experiment left no {METRICS}; is it `cache: false` in dvc.yaml?")
    return metrics


def identity(root: Path, experiments: Mapping[str, Sequence[str]]) -> str:
    """Eight digits that stand for experiments (name -> overrides) and the files that git knows, as they are now."""
    workspace = git(root, "stash", "create") or "HEAD"  # a commit of the changed files; nothing else is touched
    tree = git(root, "rev-parse", f"{workspace}^{{tree}}")
    return hashlib.sha256(json.dumps([tree, experiments], sort_keys=True).encode()).hexdigest()[:8]


def write_tables(folder: Path, variants: Sequence[Variant]) -> None:
    """Write `study.md` and `study.csv`, and show the tables as an artifact of the run."""
    texts = {"study.md": study_markdown(variants), "study.csv": study_csv(variants)}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    create_markdown_artifact(texts["study.md"], key="study", description=f"Tables, also in {folder}")
