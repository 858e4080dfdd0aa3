"""End-to-end speed of `difftalker dub`, and the share of each part.

    python -m benchmarks.dub --face data/models --seconds 20
    python -m benchmarks.dub --preset gpu --seconds 4     # networks of another preset, with random weights

Dubs the face's own footage with synthetic speech and prints frames per second and the seconds per frame of every part.
Decoding, generating and encoding overlap, so the parts together may take longer than the film. Parts on the same cores
slow each other down. With `--preset`, prior and face network have the sizes of that preset and random weights, which
take the same time; pictures, landmark network and detector stay those of the face.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.dub_quality import other_voice
from benchmarks.gpu import build_prior
from difftalker.compute.device import seeded
from difftalker.dub.footage import Footage
from difftalker.dub.settings import DubSettings
from difftalker.face_folder import read_description, write_description
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.presets import load_preset
from difftalker.project import MODELS, base_footage, load_face
from difftalker.talking_face import TalkingFace

PARTS = ("decode", "audio", "landmarks", "encode latents", "sample", "decode latents", "composite", "encode")
GENERATE = ("encode latents", "sample", "decode latents")


def untrained(face: Path, preset: str, folder: Path) -> TalkingFace:
    """The face with prior and face network of a preset, random weights."""
    params = load_preset(Path("presets") / f"{preset}.yaml")
    with seeded(0):
        if params.prior.source == "huggingface":
            prior = build_prior(tiny=False)
        else:
            prior = build_small_prior(params.prior, params.video.size)
        network = FaceNetwork(
            prior.unet,
            prior.reduction,
            condition=params.face.condition,
            train_unet_decoder=params.face.train_unet_decoder,
        )
    prior.save(folder / "prior")
    network.save(folder / "face")
    shutil.copytree(face / "landmarks", folder / "landmarks")
    write_description(folder, replace(read_description(face), size=params.video.size, sampling=params.sampling))
    return TalkingFace.load(folder, base_footage(face))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face", type=Path, default=MODELS)
    parser.add_argument("--video", type=Path, help="base footage; by default the face's own")
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech")
    parser.add_argument("--preset", help="networks of this preset, untrained; sizes and sampling as it says")
    parser.add_argument("--codec", choices=("h264", "lossless"), default="h264")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trained = arguments.face
        face = untrained(trained, arguments.preset, Path(folder)) if arguments.preset else load_face(trained)
        sound, output = Path(folder) / "speech.wav", Path(folder) / "film.mkv"
        if not arguments.preset:
            other_voice(sound, 2.0, "en-us")
            face.dub(sound, output, arguments.video, overwrite=True)  # what is loaded and compiled once
        other_voice(sound, arguments.seconds, "en-us")
        report = face.dub(sound, output, arguments.video, settings=DubSettings(arguments.codec), overwrite=True)
    shown = Footage(arguments.video or face.footage or "").shown
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} cores, no GPU"
    total = report.seconds["total"]
    print(f"{shown.width}x{shown.height} at {report.fps:g} frames/s, {arguments.codec}")
    print(f"crops of {face.description.size} px")
    print(f"{platform.machine()}, {device}, torch {torch.__version__}")
    print(f"{report.frames} frames in {total:.1f} s: {report.frames / total:.1f} frames/s\n")
    print(f"{'part':16}{'ms per frame':>14}{'share':>8}")
    spent = sum(report.seconds[part] for part in PARTS)
    for part in PARTS:
        seconds = report.seconds[part]
        print(f"{part:16}{1000 * seconds / report.frames:14.1f}{seconds / spent:8.0%}")
    generate = sum(report.seconds[part] for part in GENERATE)
    print(f"\ngenerating (encode latents, sample, decode latents): {generate / spent:.0%}")


if __name__ == "__main__":
    main()
