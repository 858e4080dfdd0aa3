"""`difftalker dub`: a trained face says something new."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from difftalker.cli.driving import (
    AudioOption,
    AudioTrackOption,
    FaceOption,
    MouthGainOption,
    NoSignOption,
    OverwriteOption,
    SignCertOption,
    SignKeyOption,
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

if TYPE_CHECKING:
    from difftalker.dub.settings import Interrupted


def dub(
    audio: AudioOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="Film to write: .mp4, .mov or .mkv.")],
    video: VideoOption = None,
    face: FaceOption = MODELS,
    codec: Annotated[Literal["h264", "lossless"], typer.Option(help="How pictures are stored.")] = "h264",
    track: TrackOption = None,
    audio_track: AudioTrackOption = None,
    landmarks: Annotated[Path | None, typer.Option(help="Landmarks of `difftalker landmarks` to paint from.")] = None,
    mouth_gain: MouthGainOption = 1.0,
    smoothing: SmoothingOption = 0.0,
    label: Annotated[bool, typer.Option("--label", help="Burn a small visible note into the pictures.")] = False,
    watermark: Annotated[bool, typer.Option(help="Put an imperceptible mark into the painted part.")] = False,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Frames painted at once.")] = None,
    overwrite: OverwriteOption = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted film.")] = False,
    sign_key: SignKeyOption = None,
    sign_cert: SignCertOption = None,
    no_sign: NoSignOption = False,
) -> None:
    """Let a trained face say what AUDIO says, in the full pictures of its footage or of VIDEO."""
    from difftalker.dub.parts_folder import check_resumable
    from difftalker.dub.settings import DubSettings, Interrupted
    from difftalker.provenance.signing_key import Signing

    check_readable(audio, video, landmarks, sign_key, sign_cert)
    check_resumable(output, overwrite, resume)
    check_media(audio, audio_track, video)
    settings = DubSettings(
        codec, track, label, mouth_gain, smoothing, batch_size, watermark=watermark, audio_track=audio_track
    )
    try:
        loaded = load_face_with_notice(face)
        with progress_bars() as progress:
            report = loaded.dub(
                audio, output, video, landmarks=landmarks, settings=settings,
                signing=Signing(no_sign, sign_key, sign_cert), overwrite=overwrite, resume=resume, progress=progress,
            )  # fmt: skip
    except Interrupted as stopped:
        print(explain_interruption(stopped))
        raise typer.Exit(130) from None
    print_report(report, output, speed=True)


def explain_interruption(stopped: Interrupted) -> str:
    """What there is after an interruption."""
    made = f"the first {stopped.seconds:.2f} s are in {stopped.path}" if stopped.path else "no frame is painted yet"
    return f"interrupted: {made}; repeat the command with --resume to go on, or with --overwrite to start over"
