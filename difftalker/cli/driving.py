"""What the commands that drive a face share: options, loading the face, progress bars, and what is said at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difftalker import project
from difftalker.errors import UserError

if TYPE_CHECKING:
    from tqdm import tqdm

    from difftalker.dub.settings import DubReport, StageProgress
    from difftalker.talking_face import TalkingFace

AudioOption = Annotated[Path, typer.Option(help="Speech: any sound or video file.")]
VideoOption = Annotated[Path | None, typer.Option(help="Base footage; by default the face's own.")]
FaceOption = Annotated[Path, typer.Option(help="Exported face, or this project's models.")]
TrackOption = Annotated[int | None, typer.Option(min=1, help="Which of several faces, counted from the left.")]
AudioTrackOption = Annotated[int | None, typer.Option(min=1, help="Which of AUDIO's sound tracks, from 1.")]
MouthGainOption = Annotated[float, typer.Option(min=0.0, max=3.0, help="Factor of the gap between the lips.")]
SmoothingOption = Annotated[float, typer.Option(min=0.0, max=1.0, help="Smoothing of the mouth's motion, seconds.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
SignKeyOption = Annotated[Path | None, typer.Option(help="Private key to sign with, PEM; by default, one's own.")]
SignCertOption = Annotated[Path | None, typer.Option(help="Its certificate, PEM, with those that confirm it.")]
NoSignOption = Annotated[bool, typer.Option("--no-sign", help="Leave it without a signature.")]

_STAGES = {"detect": "find the face", "draw": "draw", "paint": "paint"}


def check_readable(*paths: Path | None) -> None:
    """Refuse input that is not there, before anything is loaded; None stands for an option that was not given.

    Raises:
        UserError: a file cannot be opened.
    """
    for path in paths:
        if path is not None:
            try:
                path.open("rb").close()
            except OSError as error:
                reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
                raise UserError(f"{path}: {reason}; check the name") from None


def check_media(audio: Path, audio_track: int | None, video: Path | None) -> None:
    """Refuse speech that cannot be heard and footage that cannot be seen, before anything is loaded.

    Raises:
        UserError: see `dub.sound.open_sound` and `media.probe.open_video`.
    """
    from difftalker.dub.sound import open_sound
    from difftalker.media.probe import open_video

    with open_sound(audio, audio_track):
        pass
    if video is not None:
        with open_video(video):
            pass


def load_face_with_notice(folder: Path) -> TalkingFace:
    """Load a face, saying so: it takes seconds.

    Raises:
        UserError: there is none, or it is incomplete.
    """
    print("Loading the face ...", file=sys.stderr, flush=True)
    return project.load_face(folder)


@contextmanager
def progress_bars() -> Iterator[StageProgress]:
    """A bar with the time left for every stage of the work; the last state of each stays on the screen."""
    from tqdm import tqdm

    bar: tqdm | None = None
    shown = ""

    def show(stage: str, done: int, total: int) -> None:
        nonlocal bar, shown
        if bar is None or stage != shown:
            if bar is not None:
                bar.close()
            bar, shown = tqdm(total=total, desc=_STAGES[stage], unit="frame", mininterval=0.5), stage
        bar.update(done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


def print_report(report: DubReport, output: Path, speed: bool) -> None:
    """Print what was made and what the user should know."""
    from difftalker.intervals import seconds_in_words

    for warning in report.warnings:
        print(f"warning: {warning}")
    if report.unpainted:
        times = seconds_in_words(report.unpainted)
        print(f"warning: no usable face, the source is shown unchanged: {times}")
    total = report.seconds.get("total", 0.0)
    rate = f"; {report.frames / total:.1f} frames/s" if speed and total else ""
    print(f"{output}: {report.frames} frames, {report.frames / report.fps:.2f} s{rate}")
