"""Stage extract_audio: sound -> a window of audio features for every frame."""

from __future__ import annotations

from argparse import Namespace

from difftalker.audio.encoder import make_encoder
from difftalker.audio.feature_table import audio_table
from difftalker.config import load_params
from difftalker.files import replacing
from difftalker.tables import write_table
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Encode the sound of one recording."""
    params = load_params()
    encoder = make_encoder(params.audio, params.weights.deepspeech, params.device)
    found = audio_table(arguments.frames, encoder, params.audio.encoder, params.video.fps)
    with replacing(arguments.out) as partial:
        write_table(partial, found)


if __name__ == "__main__":
    parsed = stage_arguments(__doc__, "frames", "out")
    run(f"extract_audio@{parsed.frames.name}", lambda: main(parsed))
