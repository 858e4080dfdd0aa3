"""Stage: render the synthetic demo speaker as a recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from demo_speaker.encode import render_video, write_truth
from demo_speaker.sentences import DEMO_SENTENCES
from demo_speaker.speech import speak_sentences
from difftalker.config import load_params
from difftalker.errors import UserError
from stages.runner import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--out", type=Path, required=True, help="folder of the recording")
    arguments = parser.parse_args()
    params = load_params(arguments.params)
    try:
        speech = speak_sentences(DEMO_SENTENCES, params.demo.seconds, voice=params.demo.voice)
    except ValueError as error:
        raise UserError(f"demo speaker: {error}; see the group `demo` of {arguments.params}") from error
    arguments.out.mkdir(parents=True, exist_ok=True)
    truth = render_video(
        arguments.out / "demo.mp4", speech, fps=params.video.fps, size=params.demo.size, seed=params.demo.seed
    )
    # For looking into what was drawn; the pipeline reads video files only.
    write_truth(arguments.out / "truth.parquet", truth)
    print(f"rendered {len(truth)} frames, {speech.duration_s:.1f} s, to {arguments.out}")


if __name__ == "__main__":
    run("render_demo", main)
