"""Stage describe_speaker: what driving the face must know of the speaker and the base footage, measured once."""

from __future__ import annotations

import sys
from argparse import Namespace

import numpy as np
from tqdm import tqdm

from difftalker.completion.network import LandmarkCompletion
from difftalker.compute.device import select_device
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.dub.base_footage import choose_base_clip, extracted_face, find_clip, usual_face_position
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import find_speaker_in_footage
from difftalker.dub.speaker_measures import measure_speaker
from difftalker.face_folder import FACE_TRACK, FOOTAGE, FORMAT, Description, write_description
from difftalker.media.wav import read_wav
from difftalker.version import VERSION
from stages.runner import run, stage_arguments


def main(arguments: Namespace) -> None:
    """Describe the face: the speaker's measures, the params that driving it needs, the base footage."""
    params, dataset = load_params(), Dataset.load(arguments.dataset)
    recording, clip = choose_base_clip(dataset)
    film = find_clip(arguments.raw / recording, clip)
    geometry = arguments.frames / recording / "geometry.parquet"

    def sound(recording: str, clip: str) -> np.ndarray:
        return read_wav(arguments.frames / recording / "audio" / f"{clip}.wav")

    def crops(rows: np.ndarray) -> np.ndarray:
        return dataset.read_crops(rows, arguments.frames)

    device = select_device(params.device)
    model = LandmarkCompletion.load(arguments.landmarks).to(device)
    description = Description(
        format=FORMAT,
        name=params.recordings[0],
        version=VERSION,
        size=params.video.size,
        crop_scale=params.frames.crop_scale,
        smoothing_seconds=params.frames.smoothing_seconds,
        fps=params.video.fps,
        detector=params.detector,
        audio=params.audio,
        sampling=params.sampling,
        speaker=measure_speaker(dataset, model, sound, crops, usual_face_position(geometry)),
        footage=f"{recording}/{film.name}",
        weights=params.weights,
    )
    footage = Footage(film)
    footage_face = extracted_face(footage, geometry, arguments.detected / f"{recording}.parquet")
    if footage_face is None:  # the crops are at another rate: the film's own pictures are looked at once, here
        with tqdm(desc="find the face in the base footage", unit="frame", mininterval=1) as bar:
            footage_face = find_speaker_in_footage(
                description, footage, sys.maxsize, None, str(device), _warn, bar.update
            )
    footage_face.save(arguments.out / FOOTAGE / FACE_TRACK)
    write_description(arguments.out, description)


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


if __name__ == "__main__":
    parsed = stage_arguments(__doc__, "dataset", "raw", "frames", "detected", "landmarks", "out")
    run("describe_speaker", lambda: main(parsed))
