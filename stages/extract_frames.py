"""Stage extract_frames: a recording's videos -> face crops, crop geometry and 16 kHz sound, per clip."""

from __future__ import annotations

from argparse import Namespace

from difftalker.config import load_params
from difftalker.face.extract_frames import extract_recording
from difftalker.files import replacing
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Extract one recording."""
    params = load_params()
    with replacing(arguments.out) as partial:
        extract_recording(arguments.recording, partial, params.video, params.frames)


if __name__ == "__main__":
    parsed = stage_arguments(__doc__, "recording", "out")
    run(f"extract_frames@{parsed.recording.name}", lambda: main(parsed))
