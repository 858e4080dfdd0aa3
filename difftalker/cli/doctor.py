"""`difftalker doctor`: is this footage fit for training, and how long will that take here?"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from difftalker.config import load_params
from difftalker.errors import UserError
from difftalker.project import PARAMS, RAW

if TYPE_CHECKING:
    from difftalker.doctor.findings import Finding

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recording, a video file or a folder of videos.")],
) -> None:
    """Measure footage and say what is good, doubtful or wrong with it. Status 1 if something is wrong."""
    from difftalker.dataset.recording import find_videos
    from difftalker.media.probe import validate_video

    infos = [validate_video(path) for path in find_videos([find_footage(name)])]
    params = load_params(PARAMS)
    print(f"Measuring {len(infos)} file{'s' * (len(infos) > 1)} ...", file=sys.stderr, flush=True)
    from tqdm import tqdm

    from difftalker.compute.device import select_device
    from difftalker.compute.parallel import worker_count, worker_processes
    from difftalker.doctor.consent import consent_finding
    from difftalker.doctor.findings import judge_footage, pretrained_findings
    from difftalker.doctor.measure import measure_clips
    from difftalker.doctor.speed import training_time
    from difftalker.media.decode import frame_count

    select_device(params.device)  # if it is not present, that comes out before the measuring
    fps = params.video.fps
    frames = sum(frame_count(info.duration, fps) for info in infos)
    workers = worker_count(frames // 100)
    with (
        tqdm(total=frames, desc="measure", unit="frame", mininterval=0.5) as bar,
        worker_processes(workers) as executor,
    ):
        clips = list(measure_clips(infos, fps, executor, workers, bar.update))
    findings = [*judge_footage(clips, params), *pretrained_findings(params), training_time(params)]
    if (path := find_footage(name)).resolve().parent == RAW.resolve() and path.name != "demo":
        findings.append(consent_finding(path, date.today()))
    show_findings(findings)
    raise typer.Exit(any(finding.verdict == "problem" for finding in findings))


def find_footage(name: str) -> Path:
    """The footage that a user means: a recording of that name, or else a path.

    Raises:
        UserError: there is neither.
    """
    for path in (RAW / name, Path(name)):
        if path.exists():
            return path
    raise UserError(f"{name}: neither a recording in {RAW} nor a file or folder; `difftalker add` makes recordings")


def show_findings(findings: list[Finding]) -> None:
    """Print a table, and last a line that counts the verdicts."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "found", "verdict"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.verdict]
        advice = f": {finding.advice}" if finding.advice and finding.verdict != "ok" else ""
        table.add_row(finding.topic, finding.text, f"[{colour}]{finding.verdict}[/{colour}]{advice}")
    Console().print(table)
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _COLOURS}
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
