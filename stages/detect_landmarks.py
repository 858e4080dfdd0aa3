"""Stage detect_landmarks: face crops -> landmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from difftalker.config import load_params
from difftalker.face.landmark_table import landmark_table
from difftalker.files import replacing
from difftalker.tables import write_table
from stages.runner import run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True, help="folder written by extract_frames")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    """Detect the landmarks of one recording."""
    params = load_params()
    found = landmark_table(arguments.frames, params.detector, params.device, params.weights.fan2d)
    with replacing(arguments.out) as partial:
        write_table(partial, found)


if __name__ == "__main__":
    parsed = _arguments()
    run(f"detect_landmarks@{parsed.frames.name}", lambda: main(parsed))
