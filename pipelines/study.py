"""The flow `study`: the paper's ablations, or any grid of parameters, as DVC experiments, and their tables."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed

from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.report.study import Variant, study_csv, study_markdown
from pipelines.endings import in_one_line, result
from pipelines.experiment import SCRATCH, identity, run_experiment
from pipelines.git import experiment
from pipelines.locks import device_lock, flow_lock, locked
from pipelines.overrides import combinations, overridden
from pipelines.process import stopping_at_exit
from pipelines.progress import artifact_key
from pipelines.runner import task_runner
from pipelines.snapshot import Snapshot, flatten
from pipelines.stage import cancellation

STUDIES = Path("data/results/studies")  # git-ignored

# Table 1 (Ours¹: audio features instead of landmarks) and section 3.3 (without AM-Trans; audio left out altogether).
ABLATIONS = {
    "ours": ["landmarks.audio_fusion=am", "face.condition=landmarks"],
    "audio-in-bm": ["landmarks.audio_fusion=bm", "face.condition=landmarks"],
    "no-audio": ["landmarks.audio_fusion=none", "face.condition=landmarks"],
    "audio-condition": ["landmarks.audio_fusion=am", "face.condition=audio"],
}


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
        The folder with `study.md` and `study.csv`. Experiments that failed are in both, as failed.

    Raises:
        UserError: a parameter is wrong, or no experiment succeeded.
    """
    folder, log, stop = Path(root).resolve(), get_run_logger().info, cancellation()
    chosen = {
        name: [*(overrides or []), *changes]
        for name, changes in (combinations(grid) if grid else ABLATIONS).items()
    }  # fmt: skip
    params = {name: flatten(overridden(folder, changes)) for name, changes in chosen.items()}
    futures: dict[str, PrefectFuture[Any]] = {}
    # One study at a time, else two of the same would both run what is missing.
    with stopping_at_exit(), locked(flow_lock(folder, "study"), "another study", log, stop):
        mark = identity(folder, chosen)
        with locked(device_lock(), "the compute device", log, stop) as held:
            for name, changes in chosen.items():
                futures[name] = measure.with_options(name=name).submit(
                    folder, f"study-{mark}-{name}", changes, held, return_state=False
                )
            for future in futures.values():
                future.wait()
    states = {name: future.state for name, future in futures.items()}
    if any(state.is_cancelled() for state in states.values()):
        return Cancelled(message="cancelled; the same study goes on where this one stopped")
    found = [
        Variant(name, params[name], result(state) if state.is_completed() else None) for name, state in states.items()
    ]
    failed = {name: state.message for name, state in states.items() if not state.is_completed()}
    if len(failed) == len(states):
        raise UserError(f"no experiment succeeded; {next(iter(failed.values()))}")
    target = write_tables(folder / STUDIES / mark, found)
    report = f"{len(states) - len(failed)} of {len(states)} experiments succeeded; tables in {target}"
    log(report)
    if failed:
        return Failed(message=f"{report}; failed: {'; '.join(map(str, failed.values()))}")
    return Completed(message=report, data=str(target))


@task
@in_one_line
def measure(root: Path, name: str, overrides: Sequence[str], device: int) -> Mapping[str, Any]:
    """The metrics of an experiment, which is run if there is none of that name.

    Args:
        root: the project's folder.
        name: the experiment.
        overrides: its parameters.
        device: the open lock of the compute device.

    Raises:
        UserError: it failed, or measured nothing.
    """
    log = get_run_logger().info
    try:
        commit = experiment(root, name)
        log(f"{name}: was run before")
    except UserError:
        scratch = SCRATCH / name
        run_experiment(root, name, overrides, log, cancellation(), scratch=scratch, holding=[device])
        shutil.rmtree(root / scratch, ignore_errors=True)  # empty: each training removes its checkpoints
        commit = experiment(root, name)
    metrics = Snapshot.read(root, commit).metrics
    if metrics is None:
        raise UserError(f"{name}: the experiment left no data/results/metrics.json; is it `cache: false` in dvc.yaml?")
    return metrics


def write_tables(folder: Path, variants: Sequence[Variant]) -> Path:
    """Write `study.md` and `study.csv`, and show the tables as an artifact of the run. Returns the folder."""
    texts = {"study.md": study_markdown(variants), "study.csv": study_csv(variants)}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    create_markdown_artifact(texts["study.md"], key=artifact_key("study"), description=f"Tables, also in {folder}")
    return folder
