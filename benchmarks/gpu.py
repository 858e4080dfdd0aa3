"""Speed and memory of the face network on Stable Diffusion 1.5's architecture: `python -m benchmarks.gpu`.

Full size, random weights, random data: no download. Trainings run through the pipeline's own loop, frames through its
synthesiser. Prints two tables (docs/gpu.md).
"""

from __future__ import annotations

import argparse
import io
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel

from benchmarks.stable_diffusion import SD_UNET, SD_VAE, TINY_UNET, TINY_VAE
from difftalker.compute.device import seeded, select_device
from difftalker.config import FaceConfig, SamplingConfig, TrainConfig
from difftalker.errors import UserError
from difftalker.painting.diffusion.compatibility import check_size
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.training import train_face
from difftalker.painting.synthesis import Synthesiser

_GIB = 2**30


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    parser.add_argument("--size", type=int, default=512, help="side of the crop in pixels, a multiple of 64")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 2, 4, 8], help="frames per pass, tried in turn")
    parser.add_argument("--accumulate", type=int, default=1, help="passes per optimiser step")
    parser.add_argument("--checkpointing", action="store_true", help="gradient checkpointing")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--train-steps", type=int, default=5, help="timed optimiser steps; 0 leaves training out")
    parser.add_argument("--sampling", type=int, nargs="*", default=[4, 10, 20], help="DDIM steps per frame")
    parser.add_argument("--repeat", type=int, default=3, help="timed passes of sampling; the fastest counts")
    parser.add_argument("--tiny", action="store_true", help="some thousand weights in the same blocks, to try this out")
    arguments = parser.parse_args(words)
    device = select_device(arguments.device)
    prior = build_prior(arguments.tiny)
    check_size(arguments.size, prior.vae.config, prior.unet.config, "the prior")
    print(f"{hardware(device)}; torch {torch.__version__}; {arguments.size} px; random weights")
    print(f"UNet {count(prior.unet):,} parameters, trained {count(network_on(prior)):,}\n")
    if arguments.train_steps:
        print(
            "| batch | checkpointing | compiled | seconds a step | frames/s | peak memory |\n|---|---|---|---|---|---|"
        )
        for batch in arguments.batch:
            config = TrainConfig(
                steps=1,
                batch_size=batch,
                accumulate=arguments.accumulate,
                learning_rate=1e-4,
                gradient_checkpointing=arguments.checkpointing,
                compile=arguments.compile,
            )
            print(training_row(prior, config, arguments.size, arguments.train_steps, device), flush=True)
    if arguments.sampling:
        print("\n| batch | sampling steps | frames/s | peak memory |\n|---|---|---|---|")
        for batch in arguments.batch:
            for steps in arguments.sampling:
                print(sampling_row(prior, batch, steps, arguments.size, arguments.repeat, device), flush=True)


def build_prior(tiny: bool) -> Prior:
    with seeded(0):
        vae = AutoencoderKL(**(TINY_VAE if tiny else SD_VAE))
        unet = UNet2DConditionModel(**(TINY_UNET if tiny else SD_UNET))
        context = torch.randn(1, 77, unet.config.cross_attention_dim)
    schedule = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False)
    return Prior(vae, unet, schedule, context).eval().requires_grad_(False)


def network_on(prior: Prior) -> FaceNetwork:
    with seeded(1):
        return FaceNetwork(prior.unet, prior.reduction)


def face_config(config: TrainConfig) -> FaceConfig:
    """As in presets/paper.yaml."""
    return FaceConfig(
        condition="landmarks",
        decoder="prior",
        train_unet_decoder=False,
        landmark_noise=0.002,
        mouth_weight=1.0,
        train=config,
    )


def training_row(prior: Prior, config: TrainConfig, size: int, steps: int, device: torch.device) -> str:
    """Time of `steps` optimiser steps, without what comes before the first."""
    frames = config.batch_size * config.accumulate
    random, side = np.random.default_rng(0), size // prior.reduction
    full, upper = random.normal(size=(2, frames, prior.latent_channels, side, side)).astype(np.float16)
    points = random.uniform(0.2, 0.8, (frames, 68, 2)).astype(np.float32)
    sound = random.normal(size=(frames, 16, 29)).astype(np.float32)
    network = network_on(prior)

    def run(number: int) -> None:
        trained = face_config(replace(config, steps=number))
        with redirect_stderr(io.StringIO()):  # progress lines
            train_face(network, prior, full, upper, points, sound, trained, seed=0, device=device, checkpoint=None)

    label = f"| {config.batch_size} x {config.accumulate} | {config.gradient_checkpointing} | {config.compile} |"
    reset_peak(device)
    try:
        run(1)  # compiles, fills caches
        short, long = elapsed(lambda: run(1), device), elapsed(lambda: run(1 + steps), device)
    except UserError as error:
        return f"{label} {error} |||"
    seconds = max(long - short, 1e-9) / steps
    return f"{label} {seconds:.3f} | {frames / seconds:.2f} | {peak(device):.1f} GiB |"


def sampling_row(prior: Prior, batch: int, steps: int, size: int, repeat: int, device: torch.device) -> str:
    """Encoding, sampling, decoding and compositing of a batch."""
    network = network_on(prior).eval().requires_grad_(False)
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    points = random.uniform(0.2, 0.8, (batch, 68, 2)).astype(np.float32)
    sound = random.normal(size=(batch, 16, 29)).astype(np.float32)
    reset_peak(device)
    try:
        synthesiser = Synthesiser(prior, network, SamplingConfig(steps, batch, 0), device)
        synthesiser.paint(crops, points, sound)
        seconds = min(elapsed(lambda: synthesiser.paint(crops, points, sound), device) for _ in range(repeat))
    except UserError as error:
        return f"| {batch} | {steps} | {error} ||"
    return f"| {batch} | {steps} | {batch / seconds:.2f} | {peak(device):.1f} GiB |"


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def elapsed(run: Callable[[], object], device: torch.device) -> float:
    wait(device)
    started = time.perf_counter()
    run()
    wait(device)
    return time.perf_counter() - started


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: torch.device) -> float:
    """GiB: of the GPU since the last reset, or of this process since its start."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / _GIB
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / _GIB


def hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, bfloat16 autocast"
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {torch.get_num_threads()} threads, float32"


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
