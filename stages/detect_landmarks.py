"""Stage detect_landmarks: face crops -> landmarks."""

from __future__ import annotations

from argparse import Namespace

from difftalker.config import load_params
from difftalker.face.landmark_table import landmark_table
from difftalker.files import replacing
from difftalker.tables import write_table
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Detect the landmarks of one recording."""
    params = load_params()
    found = landmark_table(arguments.frames, params.detector, params.device, params.weights.fan2d)
    with replacing(arguments.out) as partial:
        write_table(partial, found)


if __name__ == "__main__":
    parsed = stage_arguments(__doc__, "frames", "out")
    run(f"detect_landmarks@{parsed.frames.name}", lambda: main(parsed))
