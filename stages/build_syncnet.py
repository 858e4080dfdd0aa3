"""Stage build_syncnet: the small sync expert, trained on the training split, or the published one in its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.media.wav import cut_sound, read_wav
from difftalker.sync.network import levelled_log_mel, lower_halves
from difftalker.sync.official import read_published
from difftalker.sync.training import TrainingRun, train_syncnet
from difftalker.tables import iterate_images
from difftalker.training.progress import write_losses
from difftalker.weights.store import locate
from stages.runner import run, stage_arguments
from stages.scratch import scratch


def read_runs(dataset: Dataset, frames: Path) -> list[TrainingRun]:
    """The runs of training frames with their sound, from the folder of the recordings' frames."""
    runs = []
    for recording in dict.fromkeys(dataset.recording):
        segments = [index for index in dataset.segments("train") if dataset.recording[index[0]] == recording]
        images = lower_halves(
            iterate_images(frames / recording / "crops.parquet", dataset.row[np.concatenate(segments)])
        )
        parts = images.split([len(index) for index in segments])
        for index, part in zip(segments, parts, strict=True):
            samples = read_wav(frames / recording / "audio" / f"{dataset.clip[index[0]]}.wav")
            sound = cut_sound(samples, int(dataset.frame[index[0]]), len(index), dataset.fps)
            runs.append(TrainingRun(part, torch.from_numpy(levelled_log_mel(sound))))
    return runs


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "frames", "out", "loss")
    params = load_params()
    if params.syncnet.source == "official":
        model = read_published(locate("syncnet", params.weights.syncnet))
        with replacing(arguments.out) as partial:
            model.save(partial)
        write_losses(arguments.loss, {})
        return
    dataset = Dataset.load(arguments.dataset)
    with scratch("build_syncnet") as folder:
        trained, history = train_syncnet(
            read_runs(dataset, arguments.frames),
            params.video.fps,
            params.syncnet.train,
            seed=params.seed,
            device=select_device(params.device),
            checkpoint=folder / "checkpoint.pt",
        )
        with replacing(arguments.out) as partial:
            trained.save(partial)
        history.write_loss(arguments.loss)


if __name__ == "__main__":
    run("build_syncnet", main)
