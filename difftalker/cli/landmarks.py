"""`difftalker landmarks`: see what a face will do, and take the points out to change them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difftalker.cli.dub import Bars
from difftalker.cli.faces import MODELS, find_face
from difftalker.drive.settings import Settings


def landmarks(
    audio: Annotated[Path, typer.Option(help="Speech: any sound or video file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Film of the landmarks to write, .mp4.")],
    video: Annotated[Path | None, typer.Option(help="Base footage; by default the face's own.")] = None,
    face: Annotated[Path, typer.Option(help="Exported face, or this project's models.")] = MODELS,
    parquet: Annotated[Path | None, typer.Option(help="Also write the points, to edit and give back to dub.")] = None,
    track: Annotated[int | None, typer.Option(min=1, help="Which of several faces, counted from the left.")] = None,
    mouth_gain: Annotated[float, typer.Option(min=0.0, max=3.0, help="Factor of the gap between the lips.")] = 1.0,
    smoothing: Annotated[float, typer.Option(min=0.0, max=1.0, help="Smoothing of the mouth's motion, seconds.")] = 0.0,
    given: Annotated[Path | None, typer.Option("--landmarks", help="Show these, edited, instead of new ones.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing outputs.")] = False,
) -> None:
    """Complete the landmarks for AUDIO and show them over the footage, with the sound, before anything is painted."""
    settings = Settings(track=track, mouth_gain=mouth_gain, smoothing=smoothing)
    bar = Bars()
    try:
        report = find_face(face).load().preview(
            audio, output, video, parquet=parquet, landmarks=given, settings=settings, overwrite=overwrite,
            progress=bar.show,
        )  # fmt: skip
    finally:
        bar.close()
    for warning in report.warnings:
        print(f"warning: {warning}")
    print(f"{output}: {report.frames} frames, {report.frames / report.fps:.2f} s")
    if parquet is not None:
        print(f"{parquet}: a row per frame; give it to `difftalker dub --landmarks {parquet}`, changed or not")
