"""Stage evaluate: generated test frames -> metrics, plots' data, figures per frame and sample pictures."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from difftalker.config import load_params
from difftalker.dataset import Dataset
from difftalker.evaluation.detection import detection_pool
from difftalker.evaluation.evaluate import evaluate
from difftalker.evaluation.outputs import write_folder, write_metrics, write_plots
from difftalker.evaluation.references import GroundTruth, MeanMouth, NearestAudio, Source, VaeReconstruction
from difftalker.evaluation.rows import read_crops, read_rows
from difftalker.evaluation.source import SourceFrames
from difftalker.evaluation.sync import sound_embeddings
from difftalker.evaluation.synthesis import Generated
from difftalker.metrics.lse import LseScorer
from difftalker.models.prior import Prior
from difftalker.models.syncnet import SyncNet
from difftalker.training.device import select_device
from stages.runner import run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="dataset with the split")
    parser.add_argument("--raw", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--frames", type=Path, required=True, help="folder of the recordings' frames")
    parser.add_argument("--prior", type=Path, required=True, help="frozen prior")
    parser.add_argument("--syncnet", type=Path, required=True, help="sync expert")
    parser.add_argument("--synthesis", type=Path, required=True, help="folder written by synthesise")
    parser.add_argument("--metrics", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--plots", type=Path, required=True, help="folder to write the plots' data to")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    """Evaluate the test split."""
    params, dataset = load_params(), Dataset.load(arguments.dataset)
    device = select_device(params.device)
    train, test = read_rows(dataset, "train"), read_rows(dataset, "test")
    generated = Generated(arguments.synthesis, test)
    expert = SyncNet.load(arguments.syncnet).to(device)
    sound = sound_embeddings(expert, test, arguments.frames, dataset.fps)
    mean, nearest = MeanMouth(train, arguments.frames), NearestAudio(train, test, arguments.frames)
    sources: dict[str, Source] = {
        "generated": generated,
        "ground_truth": GroundTruth(),
        "vae_reconstruction": VaeReconstruction(Prior.load(arguments.prior).to(device)),
        "mean_mouth": mean,
        "nearest_audio": nearest,
    }
    predicted = {
        "generated": generated.landmarks,
        "mean_mouth": np.broadcast_to(mean.landmarks, test.landmarks.shape),
        "nearest_audio": nearest.landmarks,
    }
    with detection_pool(params.detector, str(device), len(sources) * len(test)) as detect:
        result = evaluate(
            test,
            sources,
            predicted,
            partial(read_crops, arguments.frames, test),
            SourceFrames(arguments.raw, arguments.frames, dataset.fps),
            detect,
            params.detector,
            lambda: LseScorer(expert, list(test.runs()), sound),
        )
    write_metrics(arguments.metrics, result, test)
    write_plots(arguments.plots, result)
    write_folder(arguments.out, result, test)


if __name__ == "__main__":
    parsed = _arguments()
    run("evaluate", lambda: main(parsed))
