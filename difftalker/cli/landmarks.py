"""`difftalker landmarks`: see what a face will do, and take the points out to change them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difftalker.cli.driving import (
    Audio,
    Face,
    MouthGain,
    Overwrite,
    Smoothing,
    Track,
    Video,
    bars,
    check_readable,
    load_face,
    tell,
)
from difftalker.project import MODELS


def landmarks(
    audio: Audio,
    output: Annotated[Path, typer.Option("--output", "-o", help="Film of the landmarks to write, .mp4.")],
    video: Video = None,
    face: Face = MODELS,
    parquet: Annotated[Path | None, typer.Option(help="Also write the points, to edit and give back to dub.")] = None,
    track: Track = None,
    mouth_gain: MouthGain = 1.0,
    smoothing: Smoothing = 0.0,
    given: Annotated[Path | None, typer.Option("--landmarks", help="Show these, edited, instead of new ones.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Complete the landmarks for AUDIO and show them over the footage, with the sound, before anything is painted."""
    from difftalker.dub.output import check_preview
    from difftalker.dub.settings import Settings

    check_readable(audio, video, given)
    check_preview(output, parquet, overwrite)
    settings = Settings(track=track, mouth_gain=mouth_gain, smoothing=smoothing)
    loaded = load_face(face)
    with bars() as progress:
        report = loaded.preview(
            audio, output, video, parquet=parquet, landmarks=given, settings=settings, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    tell(report, output, speed=False)
    if parquet is not None:
        print(f"{parquet}: a row per frame; give it to `difftalker dub --landmarks {parquet}`, changed or not")
