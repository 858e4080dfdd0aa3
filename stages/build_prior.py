"""Stage build_prior: a small prior trained on the footage's training split, or Stable Diffusion."""

from __future__ import annotations

from difftalker.compute.device import seeded, select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.painting.diffusion.prior_training import train_prior
from difftalker.painting.diffusion.stable_diffusion import import_prior
from difftalker.training.progress import write_losses
from stages.runner import run, stage_arguments
from stages.scratch import scratch


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "frames", "out", "loss")
    params = load_params()
    histories = {}
    with scratch("build_prior") as folder:
        if params.prior.source == "huggingface":
            prior = import_prior(params.prior.model, params.prior.revision, params.video.size)
        else:
            with seeded(params.seed):
                prior = build_small_prior(params.prior, params.video.size)
            dataset = Dataset.load(arguments.dataset)
            histories = train_prior(
                prior,
                dataset.read_crops(dataset.rows("train"), arguments.frames),
                params.prior,
                seed=params.seed,
                device=select_device(params.device),
                scratch=folder,
            )
        with replacing(arguments.out) as partial:
            prior.save(partial)
        write_losses(arguments.loss, histories)


if __name__ == "__main__":
    run("build_prior", main)
