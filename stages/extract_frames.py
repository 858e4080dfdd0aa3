"""Stage extract_frames: a recording's videos -> face crops, crop geometry and 16 kHz sound, per clip."""

from __future__ import annotations

import argparse
from pathlib import Path

from difftalker.config import load_params
from difftalker.face.extract_frames import extract_recording
from difftalker.files import replacing
from stages.runner import run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recording", type=Path, required=True, help="folder with the videos of one speaker")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    """Extract one recording."""
    params = load_params()
    with replacing(arguments.out) as partial:
        extract_recording(arguments.recording, partial, params.video, params.frames)


if __name__ == "__main__":
    parsed = _arguments()
    run(f"extract_frames@{parsed.recording.name}", lambda: main(parsed))
