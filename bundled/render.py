"""Stage: render variations of the demo speaker, the footage of the bundled prior.

Every sentence is spoken twice: once by the demo's own look, once by a sampled one. Sentences and motion differ from the
demo's, so the demo's test split stays unseen.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from difftalker.config import load_params
from difftalker.demo.encode import render_video
from difftalker.demo.sentences import PRIOR_SENTENCES
from difftalker.demo.speech import speak
from difftalker.demo.style import DemoStyle
from stages.runner import run

_FIRST_SEED = 1000  # the demo's own seed must stay outside what is rendered here


def _render(job: tuple[Path, int, str, bool, float, int]) -> None:
    path, seed, sentence, varied, fps, size = job
    rng = np.random.default_rng(seed)
    speech = speak(sentence, rate=int(rng.integers(120, 190)), pitch=int(rng.integers(40, 80)))
    style = DemoStyle.sample(seed) if varied else DemoStyle()
    render_video(path, speech, fps=fps, size=size, seed=seed, style=style)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the recording")
    arguments = parser.parse_args()
    params = load_params()
    arguments.out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for varied in (False, True):
        for sentence in PRIOR_SENTENCES[: 64 if varied else None]:
            number = len(jobs)
            path = arguments.out / f"{number:04d}.mp4"
            jobs.append((path, _FIRST_SEED + number, sentence, varied, params.video.fps, params.demo.size))
    with ProcessPoolExecutor() as pool:
        for _ in tqdm(pool.map(_render, jobs), total=len(jobs), desc="render", unit="clip"):
            pass


if __name__ == "__main__":
    run("bundled_render", main)
