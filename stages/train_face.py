"""Stage train_face: latents and landmarks of the training split -> the face network."""

from __future__ import annotations

from difftalker.compute.device import seeded, select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.diffusion.latents import read_latents
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.training import train_face
from difftalker.training.processes import cooperate, usable_gpus
from stages.runner import run, stage_arguments
from stages.scratch import scratch


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "latents", "prior", "out", "loss")
    params = load_params()
    device = select_device(params.device)
    dataset = Dataset.load(arguments.dataset)
    rows = dataset.rows("train")
    full, upper = read_latents(arguments.latents)
    prior = Prior.load(arguments.prior)
    with seeded(params.seed):
        network = FaceNetwork(
            prior.unet,
            prior.reduction,
            condition=params.face.condition,
            train_unet_decoder=params.face.train_unet_decoder,
        )
    with scratch("train_face") as folder:
        with cooperate(usable_gpus(params.face.train.accumulate, device), device) as processes:
            history = train_face(
                network,
                prior,
                full[rows],
                upper[rows],
                dataset.landmarks[rows],
                dataset.features[rows],
                params.face,
                seed=params.seed,
                device=device,
                checkpoint=folder / "checkpoint.pt",
                processes=processes,
            )
        with replacing(arguments.out) as partial:
            network.save(partial)
        history.write_loss(arguments.loss)


if __name__ == "__main__":
    run("train_face", main)
