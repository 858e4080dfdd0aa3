"""`difftalker dub`: a trained face says something new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from tqdm import tqdm

from difftalker.cli.faces import MODELS, find_face
from difftalker.drive.settings import Interrupted, Report, Settings

_STAGES = {"survey": "look at the footage", "draw": "draw", "paint": "paint"}


def dub(
    audio: Annotated[Path, typer.Option(help="Speech: any sound or video file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Film to write: .mp4, .mov or .mkv.")],
    video: Annotated[Path | None, typer.Option(help="Base footage; by default the face's own.")] = None,
    face: Annotated[Path, typer.Option(help="Exported face, or this project's models.")] = MODELS,
    codec: Annotated[Literal["h264", "lossless"], typer.Option(help="How pictures are stored.")] = "h264",
    track: Annotated[int | None, typer.Option(min=1, help="Which of several faces, counted from the left.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="Landmarks of `difftalker landmarks` to paint from.")] = None,
    mouth_gain: Annotated[float, typer.Option(min=0.0, max=3.0, help="Factor of the gap between the lips.")] = 1.0,
    smoothing: Annotated[float, typer.Option(min=0.0, max=1.0, help="Smoothing of the mouth's motion, seconds.")] = 0.0,
    label: Annotated[bool, typer.Option("--label", help="Burn a small visible note into the pictures.")] = False,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Frames painted at once.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted film.")] = False,
) -> None:
    """Let a trained face say what AUDIO says, in the full pictures of its footage or of VIDEO."""
    settings = Settings(codec, track, label, mouth_gain, smoothing, batch_size)
    bar = Bars()
    try:
        report = find_face(face).load().dub(
            audio, output, video, landmarks=landmarks, settings=settings, overwrite=overwrite, resume=resume,
            progress=bar.show,
        )  # fmt: skip
    except Interrupted as stopped:
        bar.close()
        print(explain(stopped, output))
        raise typer.Exit(130) from None
    finally:
        bar.close()
    tell(report, output)


class Bars:
    """A bar with the time left for every stage of the work."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._stage = ""

    def show(self, stage: str, done: int, total: int) -> None:
        """Take in that so many steps of a stage are done."""
        if stage != self._stage:
            self.close()
            self._bar, self._stage = tqdm(total=total, desc=_STAGES[stage], unit="frame", mininterval=0.5), stage
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""


def explain(stopped: Interrupted, output: Path) -> str:
    """What there is after an interruption."""
    made = f"the first {stopped.seconds:.2f} s are in {stopped.path}" if stopped.path else "no frame is painted yet"
    return f"interrupted: {made}; repeat the command with --resume to go on, or remove {output.stem}.parts"


def tell(report: Report, output: Path) -> None:
    """Print what was made and what the user should know."""
    for warning in report.warnings:
        print(f"warning: {warning}")
    if report.unpainted:
        stretches = ", ".join(f"{first:.2f}-{last:.2f} s" for first, last in report.unpainted)
        print(f"warning: no usable face, the source is shown unchanged: {stretches}")
    speed = report.frames / report.seconds["total"] if report.seconds.get("total") else 0.0
    print(f"{output}: {report.frames} frames, {report.frames / report.fps:.2f} s; {speed:.1f} frames/s")
