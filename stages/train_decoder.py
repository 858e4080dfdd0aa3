"""Stage train_decoder: crops of the training split and what the diffusion makes of them -> the reference decoder."""

from __future__ import annotations

import numpy as np

from difftalker.compute.device import seeded, select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.decoder.network import ReferenceDecoder, save_prior_decoder
from difftalker.painting.decoder.references import choose_references
from difftalker.painting.decoder.training import generate_lower, measure_grain, train_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.synthesis import Synthesiser
from difftalker.training.processes import cooperate, usable_gpus
from difftalker.training.progress import write_losses
from stages.runner import run, stage_arguments
from stages.scratch import scratch


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "frames", "prior", "face", "out", "loss")
    params = load_params()
    if params.face.decoder == "prior":
        with replacing(arguments.out) as partial:
            save_prior_decoder(partial)
        write_losses(arguments.loss, {})
        return
    device = select_device(params.device)
    dataset = Dataset.load(arguments.dataset)
    rows = dataset.rows("train")
    crops, landmarks = dataset.read_crops(rows, arguments.frames), dataset.landmarks[rows]
    chosen = choose_references(landmarks, params.decoder.references)
    with seeded(params.seed):
        network = ReferenceDecoder(crops.shape[1], len(chosen), params.decoder.width)
    network.set_references(crops[chosen], landmarks[chosen])
    prior = Prior.load(arguments.prior)
    synthesiser = Synthesiser(prior, FaceNetwork.load(arguments.face, prior.unet), params.sampling, device)
    with scratch("train_decoder") as folder:
        generated = generate_lower(synthesiser, crops, landmarks, dataset.features[rows], network.height, folder)
        with cooperate(usable_gpus(params.decoder.train.accumulate, device), device) as processes:
            history = train_decoder(
                network,
                crops,
                generated,
                landmarks,
                params.decoder,
                seed=params.seed,
                device=device,
                checkpoint=folder / "checkpoint.pt",
                processes=processes,
            )
        runs = [np.searchsorted(rows, run) for run in dataset.segments("train")]
        network.grain_strength.fill_(measure_grain(network.eval(), crops, generated, landmarks, runs, device))
        with replacing(arguments.out) as partial:
            network.save(partial)
        write_losses(arguments.loss, {"decoder": history})


if __name__ == "__main__":
    run("train_decoder", main)
