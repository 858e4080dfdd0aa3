"""What footage costs here: seconds and bytes per frame and per speaker, stage by stage, and the work on a GPU.

    python -m benchmarks.costs --data data                      # after `dvc repro`, on a machine that does nothing else
    python -m benchmarks.costs --operations presets/paper.yaml  # operations of training and synthesis, by counting
    python -m benchmarks.costs --graph 100 300 1000             # how long DVC needs to look at so many recordings

The first reads what the stages recorded (data/timings) and the sizes of their outputs. The second counts the
multiplications and additions of the real networks without running them (meta tensors), so no GPU and no weights are
needed. All print tables.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from difftalker.dataset.frames import Dataset
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.presets import load_preset

# Stage -> what it leaves, and what its time grows with: frames, test frames, or speakers (trainings of fixed length).
STAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "extract_frames": (("interim/frames",), "frame"),
    "detect_landmarks": (("interim/landmarks",), "frame"),
    "extract_audio": (("interim/audio",), "frame"),
    "build_dataset": (("processed/dataset.parquet",), "frame"),
    "build_prior": (("models/prior",), "speaker"),
    "encode_latents": (("processed/latents",), "frame"),
    "train_landmarks": (("models/landmarks",), "speaker"),
    "train_face": (("models/face",), "speaker"),
    "build_syncnet": (("models/syncnet",), "speaker"),
    "synthesise": (("results/synthesis",), "test frame"),
    "evaluate": (("results/evaluation",), "test frame"),
    "report": (("results/report.html",), "speaker"),
}
# Stable Diffusion 1.5's autoencoder; the UNet's layout is diffusers' default but for the context.
SD_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs of footage per frame and speaker.")
    parser.add_argument("--data", type=Path, help="a project's data folder after `dvc repro`")
    parser.add_argument("--operations", type=Path, help="a preset whose prior is Stable Diffusion 1.5")
    parser.add_argument("--graph", type=int, nargs="+", help="numbers of recordings in one project")
    arguments = parser.parse_args()
    if not (arguments.data or arguments.operations or arguments.graph):
        parser.error("give --data, --operations or --graph")
    if arguments.data is not None:
        print(measured(arguments.data))
    if arguments.operations is not None:
        print(counted(arguments.operations))
    if arguments.graph is not None:
        print(timed(arguments.graph))


def measured(data: Path) -> str:
    """Table of seconds and bytes from a finished run."""
    dataset = Dataset.load(data / "processed/dataset.parquet")
    counts = {"frame": len(dataset.frame), "test frame": len(dataset.rows("test")), "speaker": 1}
    lines = [f"{counts['frame']} frames, {counts['test frame']} of them for testing, {dataset.fps:g} frames/s", ""]
    lines += ["| stage | seconds | grows with | ms each | MB | bytes each |", "|---|--:|---|--:|--:|--:|"]
    raw = size(data / "raw")
    lines.append(f"| footage | | frame | | {raw / 1e6:.1f} | {raw / counts['frame']:,.0f} |")
    for stage, (outputs, unit) in STAGES.items():
        times = [json.loads(path.read_text())["seconds"] for path in (data / "timings").glob(f"{stage}*.json")]
        seconds, written = sum(times), sum(size(data / output) for output in outputs)
        each, bytes_each = 1000 * seconds / counts[unit], written / counts[unit]
        lines.append(f"| {stage} | {seconds:.1f} | {unit} | {each:,.1f} | {written / 1e6:.1f} | {bytes_each:,.0f} |")
    return "\n".join(lines) + "\n"


def counted(path: Path) -> str:
    """Table of operations (a multiplication and an addition are two) of Stable Diffusion's networks with the branch."""
    params = load_preset(path)
    side, train = params.video.size // 8, params.face.train
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=side, cross_attention_dim=params.prior.unet.context_dim)
        vae = AutoencoderKL(**SD_VAE)
        network = FaceNetwork(unet, 8, condition="landmarks", train_unet_decoder=params.face.train_unet_decoder)
        latents, step = torch.zeros(1, 4, side, side), torch.zeros(1, dtype=torch.int64)
        raster, context = torch.zeros(1, 5, params.video.size, params.video.size), torch.zeros(1, 77, 768)
        picture = torch.zeros(1, 3, params.video.size, params.video.size)

    def denoise() -> torch.Tensor:
        return network(latents, step, network.encode_condition(latents, raster, context))

    def branch() -> Any:
        with torch.no_grad():
            return network.encode_condition(latents, raster, context)

    conditions = branch()

    def sample() -> Any:
        with torch.no_grad():
            return network(latents, step, conditions)

    def coded(function: Callable[[torch.Tensor], Any], value: torch.Tensor) -> Callable[[], Any]:
        def call() -> Any:
            with torch.no_grad():
                return function(value)

        return call

    encode, decode = operations(coded(vae.encode, picture)), operations(coded(vae.decode, latents))
    training, once, each = operations(lambda: denoise().sum().backward()), operations(branch), operations(sample)
    passes = train.steps * train.batch_size * train.accumulate
    frame = encode + once + params.sampling.steps * each + decode
    rows = {
        "encode a picture (autoencoder); two per frame, once": encode,
        "train: one frame forward and backward": training,
        f"train: {train.steps} steps of {train.batch_size * train.accumulate} frames": passes * training,
        "synthesise: landmark branch, once per frame": once,
        "synthesise: one sampling step": each,
        "synthesise: decode a picture": decode,
        f"synthesise: one frame, {params.sampling.steps} steps": frame,
    }
    lines = [f"{path}: {params.video.size} pixels", "", "| work | TFLOP |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {name} | {value / 1e12:,.2f} |" for name, value in rows.items())]) + "\n"


def operations(work: Callable[[], Any]) -> int:
    """Floating-point operations of some work, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def timed(recordings: Sequence[int]) -> str:
    """Table of the processor time of `dvc status` over three stages per recording."""
    lines = ["| recordings | stages | s |", "|--:|--:|--:|"]
    for count in recordings:
        with tempfile.TemporaryDirectory() as folder:
            names = [f"r{number}" for number in range(count)]
            stages = {
                stage: {
                    "matrix": {"rec": names},
                    "cmd": f"python -m stages.{stage}",
                    "deps": [f"{source}/${{item.rec}}"],
                    "outs": [f"{stage}/${{item.rec}}"],
                }
                for stage, source in (("frames", "raw"), ("landmarks", "frames"), ("audio", "frames"))
            }
            for name in names:
                (Path(folder) / "raw" / name).mkdir(parents=True)
                (Path(folder) / "raw" / name / "a.mp4").write_text(name)
            (Path(folder) / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
            subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=folder, check=True)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "dvc", "status"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines.append(f"| {count:,} | {3 * count:,} | {seconds:.1f} |")
    return "\n".join(lines) + "\n"


def size(path: Path) -> int:
    """Bytes of a file or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
