"""The flow `retrain`: footage is examined, a candidate trained, compared with the champion, and promoted or refused.

Training is a DVC experiment in a temporary copy of the project, so the workspace stays as it is until a promotion.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from difftalker.config import flatten, load_params, parse_params
from difftalker.errors import UserError
from difftalker.evaluation.promotion import PromotionVerdict, judge_candidate
from difftalker.project import METRICS, PARAMS, RAW
from difftalker.report.gates import gates_markdown, main_figures
from pipelines.champion import adopt, champion, finish, promote
from pipelines.comparison import Measured, measure_champion, require_comparable
from pipelines.experiment import find_experiment, overridden, run_experiment
from pipelines.locks import device_lock, locked, project_lock
from pipelines.process import command_environment, run_command, stopping_at_exit
from pipelines.revision import Snapshot, git, succeeds
from pipelines.runtime import cancellation, in_one_line


@dataclass(frozen=True)
class Outcome:
    """What a retraining came to.

    Attributes:
        experiment: name of the candidate's DVC experiment.
        champion: the champion that it was compared with.
        tag: the candidate's tag if it was promoted, else None.
        reason: one line: why it was promoted or refused.
    """

    experiment: str
    champion: str
    tag: str | None
    reason: str


@flow(name="retrain")
@in_one_line
def retrain(recording: str | None = None, overrides: list[str] | None = None, root: str = ".") -> State[Outcome]:
    """Train a candidate and promote it if it is no worse than the champion in every gate.

    It fails if the footage has a problem, a parameter is wrong, the champion's models are missing, or a stage failed;
    then the champion and the workspace are what they were.

    Args:
        recording: new footage, a folder of data/raw that `difftalker add` made; it is examined, and added to
            `recordings` for this training. None trains on the present recordings.
        overrides: parameters to change, as for `dvc exp run -S`: `face.train.steps=2000`.
        root: the project's folder.
    """
    folder, changes = Path(root).resolve(), list(overrides or [])
    log = get_run_logger().info
    # One at a time: a candidate must be compared with the champion that it would replace.
    with stopping_at_exit(), locked(project_lock(folder, "flow:retrain"), "another retraining"):
        said = finish(folder)  # a promotion that was killed in the middle
        if said:
            get_run_logger().warning(said)
        if recording is not None:
            changes += examine_footage(folder, recording, return_state=True).result()
        params = overridden(folder, changes)
        before = champion(folder)
        incumbent = Snapshot.read(folder, before.revision)
        if incumbent.trained:
            require_comparable(folder, incumbent, params)
        name = train_candidate(folder, changes, return_state=True).result()
        candidate = Snapshot.read(folder, find_experiment(folder, name))
        tag, reason = None, "it is the first model that was measured"
        if incumbent.trained and candidate.model_hashes() == incumbent.model_hashes():
            reason = "nothing changed: the candidate's models are the champion's"
        else:
            title = f"**{name}** against **{before.name}**"
            verdict = compare_candidate(folder, title, incumbent, candidate, return_state=True).result()
            if incumbent.trained or not verdict.passed:
                reason = verdict.explain()
            if verdict.passed:
                tag = promote_candidate(folder, name, candidate, reason, return_state=True).result()
        outcome = Outcome(name, before.name, tag, reason)
    message = f"promoted as {tag}" if tag else f"refused, the champion stays {before.name}"
    log(f"{name}: {message}; {reason}")
    return Completed(message=f"{message}: {reason}", data=outcome)


@task(name="examine")
@in_one_line
def examine_footage(root: Path, recording: str) -> list[str]:
    """Let the doctor look at new footage. Returns the override that adds it to the recordings, if it is not there."""
    log = get_run_logger()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", recording):
        raise UserError(f"{recording!r}: no name of a recording, a folder of {RAW}; `difftalker add` makes recordings")
    if not (root / RAW / recording).is_dir():
        raise UserError(f"{RAW / recording}: no such recording; `difftalker add` makes recordings")
    problems: list[str] = []

    def listen(line: str) -> None:
        log.info(line)
        if "  problem" in line:
            problems.append(" ".join(line.split()))

    command = [sys.executable, "-m", "difftalker.cli.main", "doctor", recording]
    wide = {**command_environment(), "COLUMNS": "400"}
    try:
        run_command(command, title="doctor", log=listen, cwd=root, environment=wide, stop=cancellation())
    except UserError as error:
        raise UserError(f"recording {recording}: {'; '.join(problems) or error}; not trained on") from None
    dvc_file, ignore = RAW / f"{recording}.dvc", RAW / ".gitignore"
    if recording != "demo" and not (root / dvc_file).is_file():
        raise UserError(f"{RAW / recording}: is not tracked by DVC; `difftalker add` does that, or `dvc add`")
    if recording != "demo" and not succeeds(root, "ls-files", "--error-unmatch", str(dvc_file)):
        # Into git's index: an experiment's copy holds only what git knows.
        git(root, "add", str(dvc_file), *([str(ignore)] if (root / ignore).is_file() else []))
    names = list(load_params(root / PARAMS).recordings)
    return [] if recording in names else [f"recordings=[{','.join([*names, recording])}]"]


@task(name="train")
@in_one_line
def train_candidate(root: Path, overrides: Sequence[str]) -> str:
    """Train and evaluate as a DVC experiment in a temporary copy. Returns the experiment's name."""
    name = f"retrain-{datetime.now():%Y%m%d-%H%M%S}"
    with locked(device_lock(), "the compute device") as held:
        run_experiment(root, name, overrides, held)
    return name


@task(name="compare")
@in_one_line
def compare_candidate(root: Path, title: str, incumbent: Snapshot, candidate: Snapshot) -> PromotionVerdict:
    """Judge the candidate against the champion on the candidate's test split; alone if there is no champion yet.

    The comparison is an artifact of the run: gates, figures, parameters that differ.
    """
    log = get_run_logger()
    if candidate.metrics is None:
        raise UserError(f"the experiment left no {METRICS}; is it `cache: false` in dvc.yaml?")
    measured = Measured(candidate.metrics, (), 0)
    if incumbent.trained:
        with locked(device_lock(), "the compute device") as held:
            measured = measure_champion(root, incumbent, candidate, held)
    notes = []
    if measured.differences:
        log.info("the champion was measured again, since these differ: %s", ", ".join(measured.differences))
        notes.append("The champion was measured again on the candidate's test split.")
    if measured.seen:
        notes.append(f"{measured.seen} test frames were in the champion's training, which flatters it.")
        log.warning(notes[-1])
    verdict = judge_candidate(candidate.metrics, measured.metrics, parse_params(candidate.params).promotion)
    for gate in verdict.gates:
        log.info(gate.explain())
    text = gates_markdown(title, verdict, flatten(candidate.params), flatten(incumbent.params), notes)
    create_markdown_artifact(text, key="retrain", description="Candidate against champion")
    return verdict


@task(name="promote")
@in_one_line
def promote_candidate(root: Path, name: str, candidate: Snapshot, reason: str) -> str:
    """Promote; take the new state into branch and workspace if no other work is in the way. Returns the tag."""
    tag = promote(root, candidate.revision, f"Promote {name}\n\n{main_figures(candidate.metrics or {})}; {reason}.")
    obstacle = adopt(root, tag)
    if obstacle:
        get_run_logger().warning(obstacle)
    return tag
