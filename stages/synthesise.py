"""Stage synthesise: the test split's faces from completed landmarks -> frames, landmarks, videos with sound."""

from __future__ import annotations

import json
import time

import numpy as np
from tqdm import tqdm

from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.files import replacing
from difftalker.painting.decoder.network import load_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.reconstruction_films import write_reconstruction_films
from difftalker.painting.synthesis import Synthesiser
from difftalker.tables import COMPLETED_SCHEMA, GENERATED_SCHEMA, TableWriter, encode_image, read_images
from stages.runner import run, stage_arguments


def main() -> None:
    arguments = stage_arguments(__doc__, "dataset", "frames", "prior", "landmarks", "face", "decoder", "out", "speed")
    params, dataset = load_params(), Dataset.load(arguments.dataset)
    prior = Prior.load(arguments.prior)
    face = FaceNetwork.load(arguments.face, prior.unet)
    decoder = load_decoder(arguments.decoder)
    device = select_device(params.device)
    synthesiser = Synthesiser(prior, face, params.sampling, device, decoder)
    rows = dataset.rows("test")
    started = time.perf_counter()
    completion = LandmarkCompletion.load(arguments.landmarks).to(device)
    landmarks = complete(completion, dataset.landmarks[rows], dataset.features[rows])
    seconds = {"landmarks": time.perf_counter() - started}
    progress = tqdm(total=len(rows), desc="synthesise", unit="frame", mininterval=1)
    with replacing(arguments.out) as partial:
        partial.mkdir()
        with (
            TableWriter(partial / "frames.parquet", GENERATED_SCHEMA) as frames,
            TableWriter(partial / "landmarks.parquet", COMPLETED_SCHEMA) as points,
        ):
            for recording in dict.fromkeys(dataset.recording[rows]):
                crops = arguments.frames / recording / "crops.parquet"
                inside = np.flatnonzero(dataset.recording[rows] == recording)
                for start in range(0, len(inside), params.sampling.batch_size):
                    part = inside[start : start + params.sampling.batch_size]
                    source = read_images(crops, dataset.row[rows[part]])
                    for i, image in zip(
                        part, synthesiser.paint(source, landmarks[part], dataset.features[rows[part]]), strict=True
                    ):
                        keys = {key: getattr(dataset, key)[rows[i]] for key in ("recording", "clip", "frame", "time")}
                        frames.write(**keys, image=encode_image(image, "png"))
                        points.write(**keys, landmarks=landmarks[i])
                    progress.update(len(part))
        seconds["total"] = time.perf_counter() - started
        write_reconstruction_films(partial, dataset, arguments.frames)
    seconds |= synthesiser.seconds
    speed: dict[str, object] = {"fps": len(rows) / seconds.pop("total")}
    speed["seconds_per_frame"] = {part: spent / len(rows) for part, spent in seconds.items()}
    with replacing(arguments.speed) as partial:
        partial.write_text(json.dumps(speed, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run("synthesise", main)
