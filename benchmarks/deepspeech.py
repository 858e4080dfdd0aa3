"""Time and memory of DeepSpeech 0.1.0 at its published size, on sound of several lengths.

    python benchmarks/deepspeech.py [--device cpu] [--minutes 1 5 20] [--weights FILE]

Without `--weights` the network has random weights: time and memory do not depend on them. One process per length, so
that each peak is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import torch

from difftalker.audio.deepspeech.encoder import DeepSpeechEncoder
from difftalker.audio.deepspeech.network import DeepSpeech
from difftalker.media.wav import AUDIO_RATE

PUBLISHED = (2048, 2048, 4096, 2048, 2048)


class RandomEncoder(DeepSpeechEncoder):
    """The encoder with a network of the published size and random weights."""

    def __init__(self, device: torch.device) -> None:
        torch.manual_seed(0)
        self.network = DeepSpeech(PUBLISHED).requires_grad_(False).eval().to(device)
        self.device, self.piece = device, 1500


def measure(minutes: float, device: str, weights: Path | None) -> tuple[float, float, float]:
    """Seconds of encoding, and peak memory in bytes before and after."""
    place = torch.device(device)
    encoder = DeepSpeechEncoder(weights, place) if weights else RandomEncoder(place)
    samples = np.random.default_rng(0).integers(-8000, 8000, round(60 * minutes * AUDIO_RATE)).astype(np.int16)
    encoder.logits(samples[:AUDIO_RATE])
    before = peak(place)
    started = time.perf_counter()
    encoder.logits(samples)
    return time.perf_counter() - started, before, peak(place)


def peak(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 20])
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    print("| sound | time | times real time | peak memory | of that, before |\n|---|---|---|---|---|")
    for minutes in arguments.minutes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, before, after = pool.apply(measure, (minutes, arguments.device, arguments.weights))
        print(
            f"| {minutes:g} min | {seconds:.1f} s | {60 * minutes / seconds:.1f} | {after / 1e9:.2f} GB "
            f"| {before / 1e9:.2f} GB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
