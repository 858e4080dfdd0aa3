"""How near the machine's own speed the networks come: `python -m benchmarks.floors [--preset demo]`.

The floor of a piece of work is its number of operations, as torch counts them, over the rate at which this machine
multiplies large matrices. Data movement, small layers and everything around the networks come on top, so a piece never
reaches it; a gap far larger than the others' is where to look. Networks have the preset's sizes and random weights.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.costs import operations
from difftalker.audio.encoder import make_encoder
from difftalker.compute.device import seeded
from difftalker.config import DetectorConfig, Params, TrainConfig
from difftalker.doctor.speed import TrialTraining, step_time, trainings
from difftalker.face.landmark_detector import make_landmark_detector
from difftalker.media.wav import AUDIO_RATE
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.painting.synthesis import Synthesiser
from difftalker.presets import load_preset

_SIDE = 1024  # of the multiplied matrices
_CPU = torch.device("cpu")
_SOUND = 10  # seconds heard


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="demo")
    arguments = parser.parse_args(words)
    rate = matrix_rate()
    print(f"{torch.get_num_threads()} threads, {rate / 1e9:.0f} GFLOP/s in float32\n")
    print("| work | GFLOP | floor, ms | measured, ms | measured over floor |\n|---|--:|--:|--:|--:|")
    for title, count, seconds in pieces(load_preset(Path("presets") / f"{arguments.preset}.yaml")):
        print(row(title, count, seconds, rate), flush=True)


def row(title: str, count: int, seconds: float, rate: float) -> str:
    floor = count / rate
    return f"| {title} | {count / 1e9:.2f} | {1000 * floor:.1f} | {1000 * seconds:.1f} | {seconds / floor:.1f} |"


def matrix_rate() -> float:
    """Operations per second of large products, the best of some."""
    one, other = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    return 2 * _SIDE**3 / fastest(lambda: one @ other, 10)


def fastest(work: Callable[[], object], times: int) -> float:
    """Seconds of the fastest of some runs after a first."""
    work()
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def pieces(params: Params) -> Iterator[tuple[str, int, float]]:
    """Title, operations and seconds of the main stages' work."""
    yield "detect_landmarks: 16 faces (one core)", *counted(_mesh())
    yield f"extract_audio: {_SOUND} s of sound", *counted(_listen(params))
    for title, config, run in trainings(params, _CPU):
        yield f"train {title}: a step of {config.batch_size}", step_operations(config, run), step_time(config, run)
    yield f"paint {params.sampling.batch_size} frames", *counted(_paint(params))


def step_operations(config: TrainConfig, run: TrialTraining) -> int:
    """Operations of one optimiser step: what a second step adds, so that the set-up is left out."""
    with redirect_stderr(io.StringIO()):  # progress lines
        longer, shorter = (operations(partial(run, replace(config, steps=steps))) for steps in (2, 1))
    return longer - shorter


def counted(work: Callable[[], object]) -> tuple[int, float]:
    return operations(work), fastest(work, 3)


def _mesh() -> Callable[[], object]:
    detector = make_landmark_detector(DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=5), "cpu")
    images = list(np.random.default_rng(0).integers(0, 256, (16, 128, 128, 3), np.uint8))
    regions = np.tile(np.array([64, 64, 150, 0], np.float32), (16, 1))
    return lambda: detector.detect(images, regions)


def _listen(params: Params) -> Callable[[], object]:
    encoder = make_encoder(params.audio, device="cpu")
    sound = np.random.default_rng(0).integers(-8000, 8000, _SOUND * AUDIO_RATE).astype(np.int16)
    return lambda: encoder.encode(sound, round(_SOUND * params.video.fps), params.video.fps)


def _paint(params: Params) -> Callable[[], object]:
    size, count, random = params.video.size, params.sampling.batch_size, np.random.default_rng(0)
    with seeded(0):
        prior = build_small_prior(params.prior, size)
        tuned = params.face.train_unet_decoder
        network = FaceNetwork(prior.unet, prior.reduction, train_unet_decoder=tuned).eval()
        decoder = ReferenceDecoder(size, params.decoder.references, params.decoder.width).eval()
    crops = random.integers(0, 256, (count, size, size, 3), np.uint8)
    points = random.uniform(0.2, 0.8, (count, 68, 2)).astype(np.float32)
    sound = np.zeros((count, 16, 29), np.float32)
    synthesiser = Synthesiser(prior.eval(), network, params.sampling, _CPU, decoder)
    return lambda: synthesiser.paint(crops, points, sound)


if __name__ == "__main__":
    main()
