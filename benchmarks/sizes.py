"""What the painting networks' trainings cost at every size of the crop: operations, counted, not measured.

    python -m benchmarks.sizes presets/footage.yaml

A multiplication and an addition are two. The networks are built on meta tensors, so it takes seconds and no memory; the
size that `difftalker add` chooses at most rests on it (difftalker/doctor/size.py).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.costs import operations
from difftalker.config import Params
from difftalker.doctor.size import allowed_sizes
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.painting.diffusion.raster import RASTER_CHANNELS
from difftalker.presets import load_preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", type=Path, help="a preset whose prior is a small one")
    params = load_preset(parser.parse_args().preset)
    print("| video.size | prior | face | decoder | all, TFLOP |")
    print("|--:|--:|--:|--:|--:|")
    for size in allowed_sizes(params):
        parts = trainings(replace(params, video=replace(params.video, size=size)))
        print(f"| {size} | {' | '.join(f'{part:,.0f}' for part in [*parts, sum(parts)])} |")


def trainings(params: Params) -> tuple[float, float, float]:
    """10^12 operations of the trainings of prior, face and reference decoder."""
    size, patch = params.video.size, params.prior.patch
    with torch.device("meta"):
        prior = build_small_prior(params.prior, size)
        face = FaceNetwork(prior.unet, patch, train_unet_decoder=params.face.train_unet_decoder)
        decoder = ReferenceDecoder(size, params.decoder.references, params.decoder.width)
        latents = torch.zeros(1, params.prior.latent_channels, size // patch, size // patch)
        step, raster = torch.zeros(1, dtype=torch.int64), torch.zeros(1, RASTER_CHANNELS, size, size)
        context = torch.zeros(1, 1, params.prior.unet.context_dim)
        picture, drawn = torch.zeros(1, 3, decoder.height, size), torch.zeros(1, RASTER_CHANNELS, decoder.height, size)
        references = torch.zeros(1, params.decoder.references, 3, decoder.height, size)
        distance = torch.zeros(1, params.decoder.references)

    def prior_pass() -> None:
        prior.unet(latents, step, context).sample.sum().backward()

    def face_pass() -> None:
        face(latents, step, face.encode_condition(latents, raster, context)).sum().backward()

    def decoder_pass() -> None:
        decoder(picture, picture, drawn, references, distance).sum().backward()

    prior.unet.requires_grad_(True)  # the face network froze it
    first = operations(prior_pass)
    prior.requires_grad_(False)
    runs = (params.prior.unet.train, params.face.train, params.decoder.train)
    passes = [run.steps * run.batch_size * run.accumulate for run in runs]
    counts = (first, operations(face_pass), operations(decoder_pass))
    return tuple(count * run / 1e12 for count, run in zip(counts, passes, strict=True))  # type: ignore[return-value]


if __name__ == "__main__":
    main()
