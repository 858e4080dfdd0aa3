"""The flow `study`: the paper's ablations, or any grid of parameters, as queued DVC experiments, and their tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.report.study import Variant, csv_text, markdown
from pipelines.endings import in_one_line, result
from pipelines.environment import stage_environment
from pipelines.git import experiment
from pipelines.locks import device_lock, locked
from pipelines.overrides import combinations, overridden
from pipelines.process import CommandFailed, run_command, stopping_at_exit
from pipelines.progress import Progress, artifact_key
from pipelines.snapshot import Snapshot, flatten
from pipelines.stage import cancellation

STUDIES = Path("data/results/studies")  # git-ignored

# Table 1 (Ours¹: audio features instead of landmarks) and section 3.3 (without AM-Trans; audio left out altogether).
ABLATIONS = {
    "ours": ["landmarks.audio_path=am", "face.condition=landmarks"],
    "audio-in-bm": ["landmarks.audio_path=bm", "face.condition=landmarks"],
    "no-audio": ["landmarks.audio_path=none", "face.condition=landmarks"],
    "audio-condition": ["landmarks.audio_path=am", "face.condition=audio"],
}


@flow(name="study")
@in_one_line
def study(
    grid: dict[str, list[Any]] | None = None, overrides: list[str] | None = None, jobs: int = 1, root: str = "."
) -> State[str]:
    """Run experiments in temporary copies of the project and compare them.

    Args:
        grid: parameter -> values to try in every combination. None means the paper's ablations.
        overrides: parameters to change in all experiments, as for `dvc exp run -S`.
        jobs: experiments at the same time; more than one only pays where memory and processors are left.
        root: the project's folder.

    Returns:
        The folder with `study.md` and `study.csv`. Experiments that failed are in both, as failed.

    Raises:
        UserError: a parameter is wrong, or no experiment succeeded.
    """
    folder, stamp = Path(root).resolve(), f"{datetime.now():%Y%m%d-%H%M%S}"
    variants = combinations(grid) if grid else ABLATIONS
    chosen = {f"study-{stamp}-{name}": [*(overrides or []), *changes] for name, changes in variants.items()}
    with stopping_at_exit():
        params = {name: flatten(overridden(folder, changes)) for name, changes in chosen.items()}
        result(run_queue(folder, chosen, jobs, return_state=True))
        states = {name: collect.with_options(name=name)(folder, name, return_state=True) for name in chosen}
    found = [
        Variant(name.removeprefix(f"study-{stamp}-"), params[name], result(state) if state.is_completed() else None)
        for name, state in states.items()
    ]
    target = write_tables(folder / STUDIES / stamp, found)
    failed = [name for name, state in states.items() if not state.is_completed()]
    if len(failed) == len(states):
        raise UserError(f"no experiment succeeded; see `dvc queue logs {failed[0]}`")
    report = f"{len(states) - len(failed)} of {len(states)} experiments succeeded; tables in {target}"
    get_run_logger().info(report)
    if failed:
        return Failed(message=f"{report}; failed: {', '.join(failed)} (`dvc queue logs NAME` says why)")
    return Completed(message=report, data=str(target))


@task
@in_one_line
def run_queue(root: Path, experiments: Mapping[str, Sequence[str]], jobs: int) -> None:
    """Queue the experiments in DVC and run the queue; one that fails does not stop the others.

    The queue's workers are processes of their own, which outlive the command. If the flow is stopped, its experiments
    are killed and taken out of the queue.
    """
    log, stop = get_run_logger().info, cancellation()
    environment = stage_environment()
    follow = ["dvc", "--wait-for-lock", "exp", "run", "--run-all", "--jobs", str(jobs)]
    try:
        for name, overrides in experiments.items():
            command = ["dvc", "--wait-for-lock", "exp", "run", "--queue", "--name", name]
            for override in overrides:
                command += ["--set-param", override]
            run_command(command, title=f"queue {name}", log=log, cwd=root, environment=environment, stop=stop)
        with locked(device_lock(), "the compute device", log, stop) as held:
            run_command(
                follow,
                title="the queue of experiments",
                log=Progress("study", log).line,
                cwd=root,
                environment=environment,
                stop=stop,
                holding=[held],
            )
    except CommandFailed as error:  # one of them failed; `collect` says which
        log(str(error))
    except BaseException:
        drop(root, experiments)
        raise


@task
@in_one_line
def collect(root: Path, name: str) -> Mapping[str, Any]:
    """The metrics of a finished experiment.

    Raises:
        UserError: it failed, or measured nothing.
    """
    try:
        metrics = Snapshot.read(root, experiment(root, name)).metrics
    except UserError:
        raise UserError(f"{name}: the experiment failed; `dvc queue logs {name}` says why") from None
    if metrics is None:
        raise UserError(f"{name}: the experiment left no data/results/metrics.json")
    return metrics


def write_tables(folder: Path, variants: Sequence[Variant]) -> Path:
    """Write `study.md` and `study.csv`, and show the tables as an artifact of the run. Returns the folder."""
    texts = {"study.md": markdown(variants), "study.csv": csv_text(variants)}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
    create_markdown_artifact(texts["study.md"], key=artifact_key("study"), description=f"Tables, also in {folder}")
    return folder


def drop(root: Path, names: Collection[str]) -> None:
    """Take experiments out of DVC's queue and kill those that run."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        queue = repo.experiments.celery_queue
        waiting = [entry.name for entry in queue.iter_queued() if entry.name in names]
        if waiting:
            queue.remove(waiting)
        running = [entry.name for entry in queue.iter_active() if entry.name in names]
        if running:
            queue.kill(running)
