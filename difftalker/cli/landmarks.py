"""`difftalker landmarks`: see what a face will do, and take the points out to change them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difftalker.cli.driving import (
    AudioOption,
    AudioTrackOption,
    FaceOption,
    MouthGainOption,
    OverwriteOption,
    SmoothingOption,
    TrackOption,
    VideoOption,
    check_media,
    check_readable,
    load_face_with_notice,
    print_report,
    progress_bars,
)
from difftalker.project import MODELS


def landmarks(
    audio: AudioOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Film of the landmarks to write, .mp4.")],
    video: VideoOption = None,
    face: FaceOption = MODELS,
    parquet: Annotated[Path | None, typer.Option(help="Also write the points, to edit and give back to dub.")] = None,
    track: TrackOption = None,
    audio_track: AudioTrackOption = None,
    mouth_gain: MouthGainOption = 1.0,
    smoothing: SmoothingOption = 0.0,
    given: Annotated[Path | None, typer.Option("--landmarks", help="Show these, edited, instead of new ones.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Complete the landmarks for AUDIO and show them over the footage, with the sound, before anything is painted."""
    from difftalker.dub.output import check_preview_outputs
    from difftalker.dub.settings import DubSettings

    check_readable(audio, video, given)
    check_preview_outputs(output, parquet, overwrite)
    check_media(audio, audio_track, video)
    settings = DubSettings(track=track, audio_track=audio_track, mouth_gain=mouth_gain, smoothing=smoothing)
    loaded = load_face_with_notice(face)
    with progress_bars() as progress:
        report = loaded.preview(
            audio, output, video, parquet=parquet, landmarks=given, settings=settings, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    print_report(report, output, speed=False)
    if parquet is not None:
        print(f"{parquet}: a row per frame; give it to `difftalker dub --landmarks {parquet}`, changed or not")
