"""Stage encode_latents: face crops -> latents of the full frames and of their upper-face images."""

from __future__ import annotations

from itertools import chain

from tqdm import tqdm

from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.diffusion.latents import write_latents
from difftalker.painting.diffusion.prior import Prior
from difftalker.tables import iterate_images
from stages.runner import run, stage_arguments


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "frames", "prior", "out")
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
