"""Stage evaluate: generated test frames -> metrics, plots' data, figures per frame and sample pictures."""

from __future__ import annotations

from argparse import Namespace
from functools import partial

from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.evaluation.evaluate import evaluate_rows
from difftalker.evaluation.film_folder import read_records
from difftalker.evaluation.film_scoring import score_films
from difftalker.evaluation.frame_table import read_row_crops, read_split
from difftalker.evaluation.mouth_reference import mouth_reference
from difftalker.evaluation.outputs import write_folder, write_metrics, write_plots
from difftalker.evaluation.protocol import describe_crop, describe_protocol
from difftalker.evaluation.redetection import detection_pool
from difftalker.evaluation.result_rows import make_result_rows
from difftalker.evaluation.source_pictures import SourcePictures
from difftalker.evaluation.sync_scores import sound_embeddings
from difftalker.painting.diffusion.prior import Prior
from difftalker.sync.crop_rules import make_sync_crop
from difftalker.sync.experts import load_sync_expert
from difftalker.sync.lse import LseScorer
from difftalker.tables import table_metadata
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Evaluate the test split."""
    params, dataset = load_params(), Dataset.load(arguments.dataset)
    device = select_device(params.device)
    train, test = read_split(dataset, "train"), read_split(dataset, "test")
    expert = load_sync_expert(arguments.syncnet).to(device)
    sound = sound_embeddings(expert, test, arguments.frames, dataset.fps)
    prior = Prior.load(arguments.prior).to(device)
    sources, predicted = make_result_rows(arguments.synthesis, train, test, arguments.frames, prior)
    pictures = SourcePictures(arguments.raw, arguments.frames, dataset.fps)
    crop = table_metadata(arguments.frames / test.recordings[0] / "crops.parquet")
    rule = make_sync_crop(
        params.syncnet.crop, test.landmarks, pictures.transforms(test), int(crop["size"]), test.runs()
    )
    taken = describe_protocol(params.detector.name, describe_crop(crop), dataset.fps, expert.title, rule)
    records = read_records(arguments.films)
    images = len(sources) * len(test) + sum(record.planned.frames for record in records)
    with detection_pool(params.detector, str(device), images, params.weights.fan2d) as detect:
        result = evaluate_rows(
            test,
            sources,
            predicted,
            mouth_reference(test, arguments.frames, dataset.fps),
            partial(read_row_crops, arguments.frames, test),
            pictures,
            detect,
            params.detector,
            lambda _: LseScorer(expert, list(test.runs()), sound),
            rule,
        )
        result.films = score_films(
            arguments.films,
            records,
            dataset,
            arguments.frames,
            detect,
            params.detector,
            expert,
            params.syncnet.crop,
        )
    write_metrics(arguments.metrics, result, test, taken)
    write_plots(arguments.plots, result)
    write_folder(arguments.out, result, test)


if __name__ == "__main__":
    parsed = stage_arguments(
        __doc__, "dataset", "raw", "frames", "prior", "syncnet", "synthesis", "films", "metrics", "plots", "out"
    )
    run("evaluate", lambda: main(parsed))
