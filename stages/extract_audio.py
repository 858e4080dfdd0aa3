"""Stage extract_audio: sound -> a window of audio features for every frame."""

from __future__ import annotations

import argparse
from pathlib import Path

from difftalker.audio.encoder import make_encoder
from difftalker.audio.feature_table import audio_table
from difftalker.config import load_params
from difftalker.files import replacing
from difftalker.tables import write_table
from stages.runner import run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=Path, required=True, help="folder written by extract_frames")
    parser.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    """Encode the sound of one recording."""
    params = load_params()
    encoder = make_encoder(params.audio, params.weights.deepspeech, params.device)
    found = audio_table(arguments.frames, encoder, params.audio.encoder, params.video.fps)
    with replacing(arguments.out) as partial:
        write_table(partial, found)


if __name__ == "__main__":
    parsed = _arguments()
    run(f"extract_audio@{parsed.frames.name}", lambda: main(parsed))
