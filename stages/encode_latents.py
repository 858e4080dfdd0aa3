"""Stage encode_latents: face crops -> latents of the full frames and of their upper-face images."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.diffusion.latents import write_latents
from difftalker.painting.diffusion.prior import Prior
from difftalker.tables import iterate_images
from stages.runner import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="gives the recordings and their order")
    parser.add_argument("--frames", type=Path, required=True, help="folder with <recording>/crops.parquet")
    parser.add_argument("--prior", type=Path, required=True, help="folder of the prior")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    device = select_device(load_params().device)
    dataset = Dataset.load(arguments.dataset)
    recordings = list(dict.fromkeys(dataset.recording))
    frames = chain.from_iterable(iterate_images(arguments.frames / name / "crops.parquet") for name in recordings)
    count = len(dataset.recording)
    with replacing(arguments.out) as partial:
        partial.mkdir()
        progress = tqdm(frames, total=count, desc="encode latents", unit="frame", mininterval=1)
        write_latents(Prior.load(arguments.prior).to(device), progress, count, partial)


if __name__ == "__main__":
    run("encode_latents", main)
