"""Train landmark completion on the training split."""

from __future__ import annotations

import numpy as np
import torch

from difftalker.completion.training import train_landmarks
from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from stages.runner import run, stage_arguments
from stages.scratch import scratch


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "out", "loss")
    params = load_params()
    dataset = Dataset.load(arguments.dataset)
    rows = dataset.rows("train")
    with scratch("train_landmarks") as folder:
        model, history = train_landmarks(
            torch.from_numpy(dataset.landmarks[rows]),
            torch.from_numpy(dataset.features[rows]),
            [np.searchsorted(rows, run) for run in dataset.segments("train")],
            params.landmarks,
            seed=params.seed,
            device=select_device(params.device),
            checkpoint=folder / "checkpoint.pt",
        )
        with replacing(arguments.out) as partial:
            model.save(partial)
        history.write_loss(arguments.loss)


if __name__ == "__main__":
    run("train_landmarks", main)
