"""Stage make_films: held-out speech over its own and over other pictures -> the films that the face is measured by."""

from __future__ import annotations

from argparse import Namespace

from tqdm import tqdm

from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.dub.settings import Interrupted
from difftalker.evaluation.film_making import FilmInputs, make_films
from difftalker.evaluation.film_plan import plan_films
from difftalker.files import replacing
from difftalker.talking_face import TalkingFace
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Make the films."""
    params, dataset = load_params(), Dataset.load(arguments.dataset)
    planned_films = plan_films(
        dataset,
        {
            "own": params.films.own,
            "detected": params.films.own,
            "driven": params.films.driven,
            "voice": params.films.voice,
        },
    )
    inputs = FilmInputs(arguments.raw, arguments.frames, arguments.detected, dataset.fps, params.video.size)
    face = TalkingFace.load(arguments.models, device=params.device)
    frames = sum(planned.frames for planned in planned_films)
    with replacing(arguments.out) as partial, tqdm(total=frames, desc="films", unit="frame", mininterval=1.0) as bar:
        partial.mkdir()
        try:
            make_films(partial, face, planned_films, inputs, bar.update)
        except Interrupted:
            raise KeyboardInterrupt from None


if __name__ == "__main__":
    parsed = stage_arguments(__doc__, "dataset", "raw", "frames", "detected", "models", "out")
    run("make_films", lambda: main(parsed))
