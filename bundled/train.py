"""Stage: train the bundled prior and its landmark branch on the variations.

The UNet learns with and without landmarks at once. A prior that has only ever seen its own guesses of the mouth does
not listen when it is frozen afterwards; one that has also been told does (docs/bundled-prior.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from difftalker.config import Params, load_params
from difftalker.dataset import Dataset
from difftalker.files import replacing
from difftalker.landmarks.raster import rasterise
from difftalker.latents import read_latents, write_latents
from difftalker.models.face import FaceNetwork
from difftalker.models.prior import Prior, build_small_prior
from difftalker.tables import read_images
from difftalker.training.device import select_device
from difftalker.training.face import mouth_weight, perturb
from difftalker.training.loop import train
from difftalker.training.prior import denoising_loss
from difftalker.training.seeds import seeded
from stages.runner import run

_UNCONDITIONAL = 0.25  # share of batches without landmarks


class _Joint(nn.Module):
    def __init__(self, unet: nn.Module, network: FaceNetwork) -> None:
        super().__init__()
        self.unet, self.network = unet.requires_grad_(True), network


def _train_joint(
    prior: Prior,
    network: FaceNetwork,
    latents: tuple[np.ndarray, np.ndarray],
    landmarks: np.ndarray,
    params: Params,
    checkpoint: Path,
) -> None:
    joint = _Joint(prior.unet, network)
    full, upper = latents
    height, width = full.shape[-2:]

    def predict(z: Tensor, step: Tensor, rows: np.ndarray, above: Tensor, generator: torch.Generator) -> Tensor:
        context = prior.context
        if torch.rand((), generator=generator) < _UNCONDITIONAL:
            return network(z, step, {"context": context.expand(len(z), -1, -1), "features": None})
        points = perturb(landmarks[rows], params.face.landmark_noise, generator)
        raster = torch.from_numpy(rasterise(points, width * prior.reduction))
        return network(z, step, network.encode_condition(above, raster, context))

    def weight(rows: np.ndarray) -> Tensor:
        return mouth_weight(landmarks[rows], height, width, params.face.mouth_weight)

    device = select_device(params.device)
    train(
        joint,
        denoising_loss(prior, full, upper, predict, device, weight),
        items=len(full),
        config=params.prior.unet.train,
        seed=params.seed,
        device=device,
        checkpoint=checkpoint,
        title="prior and branch",
    )
    prior.unet.requires_grad_(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--frames", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--start", type=Path, help="an earlier result to go on from; from scratch where absent")
    parser.add_argument("--out", type=Path, required=True, help="folder of the prior to write")
    arguments = parser.parse_args()
    params = load_params()
    dataset = Dataset.load(arguments.dataset)
    rows = np.flatnonzero(dataset.split != "invalid")
    images = read_images(arguments.frames / "variations" / "crops.parquet", dataset.row[rows])
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    with seeded(params.seed):
        prior = build_small_prior(params.prior, params.video.size)
    prior.vae.fit(images)
    if arguments.start is not None:
        prior.unet.load_state_dict(Prior.load(arguments.start).unet.state_dict())
    write_latents(prior, images, len(images), arguments.scratch)
    latents = read_latents(arguments.scratch)
    network = FaceNetwork(prior.unet, prior.reduction)
    if arguments.start is not None:
        network.load_state_dict(FaceNetwork.load(arguments.start / "face", prior.unet).float().state_dict())
    _train_joint(prior, network, latents, dataset.landmarks[rows], params, arguments.scratch / "joint.pt")
    with replacing(arguments.out) as partial:
        prior.half().save(partial)
        network.half().save(partial / "face")


if __name__ == "__main__":
    run("bundled_train", main)
