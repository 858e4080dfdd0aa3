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
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from difftalker.config import load_params, parse_params
from difftalker.errors import UserError
from difftalker.evaluation.promotion import PromotionVerdict, judge_candidate
from difftalker.project import RAW
from pipelines.comparison import Measured, Run, changed_inputs, measure_champion, require_models
from pipelines.endings import in_one_line, result
from pipelines.environment import stage_environment
from pipelines.experiment import run_experiment
from pipelines.git import experiment, git, succeeds
from pipelines.locks import device_lock, flow_lock, locked
from pipelines.overrides import overridden
from pipelines.process import CommandFailed, run_command, stopping_at_exit
from pipelines.promote import adopt, advice, finish, promote
from pipelines.registry import champion
from pipelines.snapshot import Snapshot, flatten
from pipelines.stage import cancellation


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

    Args:
        recording: new footage, a folder of data/raw that `difftalker add` made; it is examined, and added to
            `recordings` for this training. None trains on the present recordings.
        overrides: parameters to change, as for `dvc exp run -S`: `face.train.steps=2000`.
        root: the project's folder.

    Raises:
        UserError: the footage has a problem, a parameter is wrong, the champion's models are missing, or a stage
            failed. The champion and the workspace are what they were.
    """
    folder, changes = Path(root).resolve(), list(overrides or [])
    log = get_run_logger().info
    # One at a time: a candidate must be compared with the champion that it would replace.
    with stopping_at_exit(), locked(flow_lock(folder, "retrain"), "another retraining", log, cancellation()):
        result(finish_promotion(folder, return_state=True))
        if recording is not None:
            changes += result(examine(folder, recording, return_state=True))
        params = overridden(folder, changes)
        before = champion(folder)
        incumbent = Snapshot.read(folder, before.revision)
        if incumbent.trained:
            refuse_other_input(incumbent, params)
            require_models(folder, incumbent)
        name = result(train(folder, changes, return_state=True))
        candidate = Snapshot.read(folder, experiment(folder, name))
        tag, reason = None, "it is the first model that was measured"
        if incumbent.trained and candidate.model_hashes() == incumbent.model_hashes():
            reason = "nothing changed: the candidate's models are the champion's"
        else:
            verdict, measured = result(compare(folder, incumbent, candidate, return_state=True))
            if incumbent.trained or not verdict.passed:
                reason = verdict.explain()
            publish(name, before.name, incumbent, candidate, verdict, measured)
            if verdict.passed:
                tag = result(crown_candidate(folder, name, candidate, reason, return_state=True))
        outcome = Outcome(name, before.name, tag, reason)
    word = f"promoted as {tag}" if tag else f"refused, the champion stays {before.name}"
    get_run_logger().info("%s: %s; %s", name, word, reason)
    return Completed(message=f"{word}: {reason}", data=outcome)


@task
@in_one_line
def finish_promotion(root: Path) -> None:
    """Bring a promotion to its end that was killed in the middle."""
    said = finish(root, commands())
    if said:
        get_run_logger().warning(said)


@task
@in_one_line
def examine(root: Path, recording: str) -> list[str]:
    """Let the doctor look at new footage. Returns the override that adds it to the recordings, if it is not there.

    Raises:
        UserError: no such recording, or the doctor found a problem.
    """
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
    try:
        environment = {**stage_environment(), "COLUMNS": "400"}
        run_command(command, title="doctor", log=listen, cwd=root, environment=environment, stop=cancellation())
    except CommandFailed as error:
        raise UserError(f"recording {recording}: {'; '.join(problems) or error}; not trained on") from None
    _stage_footage(root, recording)
    names = list(load_params(root / "params.yaml").recordings)
    return [] if recording in names else [f"recordings=[{','.join([*names, recording])}]"]


def refuse_other_input(incumbent: Snapshot, params: dict[str, Any]) -> None:
    """Refuse beforehand what could not be compared.

    Raises:
        UserError: the candidate's crops or sound features would be made in another way than the champion's.
    """
    changed = changed_inputs(incumbent, params)
    if changed:
        raise UserError(
            f"{', '.join(changed)}: differs from the champion's, so the two cannot be measured alike; train with "
            "`dvc exp run --temp` and promote by `python -m pipelines promote EXPERIMENT` if you find it better"
        )


@task
@in_one_line
def train(root: Path, overrides: Sequence[str]) -> str:
    """Train and evaluate as a DVC experiment in a temporary copy. Returns the experiment's name."""
    name = f"retrain-{datetime.now():%Y%m%d-%H%M%S}"
    log, stop = get_run_logger().info, cancellation()
    with locked(device_lock(), "the compute device", log, stop) as held:
        run_experiment(root, name, overrides, log, stop, holding=[held])
    return name


@task
@in_one_line
def compare(root: Path, incumbent: Snapshot, candidate: Snapshot) -> tuple[PromotionVerdict, Measured]:
    """Judge the candidate against the champion on the candidate's test split; alone if there is no champion yet."""
    log = get_run_logger()
    if candidate.metrics is None:
        raise UserError("the experiment left no data/results/metrics.json; is it `cache: false` in dvc.yaml?")
    if incumbent.trained:
        with locked(device_lock(), "the compute device", log.info, cancellation()) as held:
            measured = measure_champion(root, incumbent, candidate, commands(held))
        if measured.differences:
            log.info("the champion was measured again, since these differ: %s", ", ".join(measured.differences))
        if measured.seen:
            log.warning("%d test frames were in the champion's training, which flatters it", measured.seen)
    else:
        measured = Measured(candidate.metrics, (), 0)
    config = parse_params(candidate.params).promotion
    verdict = judge_candidate(candidate.metrics, measured.metrics, config)
    for gate in verdict.gates:
        log.info(gate.explain())
    return verdict, measured


@task
@in_one_line
def crown_candidate(root: Path, name: str, candidate: Snapshot, reason: str) -> str:
    """Promote; take the new state into branch and workspace if no other work is in the way. Returns the tag."""
    log = get_run_logger()
    tag = promote(root, candidate.revision, f"Promote {name}\n\n{summary(candidate)}; {reason}.")
    obstacle = advice(adopt(root, tag, commands()), tag)
    if obstacle:
        log.warning(obstacle)
    return tag


def commands(*holding: int) -> Run:
    """Runs commands with their output in the log of the present task; they hold open locks to their end."""
    log, stop = get_run_logger().info, cancellation()

    def run(command: Sequence[str], folder: Path) -> None:
        title = " ".join(part for part in command if not part.startswith("-"))
        environment = stage_environment()
        run_command(command, title=title, log=log, cwd=folder, environment=environment, stop=stop, holding=holding)

    return run


def summary(candidate: Snapshot) -> str:
    """The films' main figures in a line."""
    films = (candidate.metrics or {}).get("film", {})
    names = {
        "LD": ("own", "ld"),
        "PSNR jaw": ("own", "psnr_jaw"),
        "sharpness": ("own", "sharpness_ratio"),
        "LSE-D": ("driven", "lse_d"),
        "closure": ("driven", "closure"),
        "opening": ("driven", "opening_slope"),
    }
    found = {name: films.get(kind, {}).get(key) for name, (kind, key) in names.items()}
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items() if value is not None)


def publish(
    name: str,
    champion_name: str,
    incumbent: Snapshot,
    candidate: Snapshot,
    verdict: PromotionVerdict,
    measured: Measured,
) -> None:
    """The comparison as an artifact of the run: gates, figures, parameters that differ."""
    lines = [
        f"**{name}** against **{champion_name}**: {verdict.explain()}",
        "",
        "| gate | measure | candidate | champion | at most | |",
        "|---|---|--:|--:|--:|---|",
    ]
    for gate in verdict.gates:
        figures = " | ".join(
            "–" if value is None else f"{value:.4g}" for value in (gate.candidate, gate.champion, gate.limit)
        )
        lines.append(f"| {gate.name} | {gate.measure} | {figures} | {'holds' if gate.passed else 'fails'} |")
    before, after = flatten(incumbent.params), flatten(candidate.params)
    changed = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    if changed:
        lines += ["", "| parameter | candidate | champion |", "|---|---|---|"]
        lines += [f"| `{key}` | `{after.get(key)}` | `{before.get(key)}` |" for key in changed]
    if measured.differences:
        lines += ["", "The champion was measured again on the candidate's test split."]
    if measured.seen:
        lines += ["", f"{measured.seen} test frames were in the champion's training, which flatters it."]
    create_markdown_artifact(key="retrain", markdown="\n".join(lines), description="Candidate against champion")


def _stage_footage(root: Path, recording: str) -> None:
    """Put the footage's small DVC file into git's index: an experiment's copy holds only what git knows."""
    tracked = RAW / f"{recording}.dvc"
    if recording == "demo":
        return
    if not (root / tracked).is_file():
        raise UserError(f"{RAW / recording}: is not tracked by DVC; `difftalker add` does that, or `dvc add`")
    if not succeeds(root, "ls-files", "--error-unmatch", str(tracked)):
        ignore = RAW / ".gitignore"
        git(root, "add", str(tracked), *([str(ignore)] if (root / ignore).is_file() else []))
