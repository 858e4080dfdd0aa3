"""Lip sync and seams of films made with a trained face, beside the reconstruction of its test split.

    python -m benchmarks.dub_quality --speech other=/path/to/speech.wav --films /tmp/films

Dubs the face's own footage with the sound of the held-out part of it, with another synthetic voice, and with the files
named. LSE-D and LSE-C are those of the sync expert in data/models/syncnet, on the same crops as in the evaluation.
Ground truth and reconstruction are the first test frames, as many as a film has, their clips scored as one run like a
film. The seam is the mean absolute gradient of the brightness across the mask's border, over the same in the source.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np

from demo_speaker.sentences import OTHER_SENTENCES
from demo_speaker.speech import speak_sentences
from difftalker.dataset.frames import Dataset
from difftalker.dub.plan import Plan
from difftalker.dub.settings import DubSettings
from difftalker.dub.sound import spool_sound
from difftalker.evaluation.frame_table import read_row_crops, read_split
from difftalker.evaluation.result_rows import GeneratedFrames
from difftalker.face.crop import cut_crop
from difftalker.media.wav import AUDIO_RATE, cut_sound, read_wav, write_wav
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.project import DATASET, FRAMES, MODELS, load_face
from difftalker.sync.experts import load_sync_expert
from difftalker.sync.lse import SyncExpert, SyncScore, sync_distances, sync_score
from difftalker.talking_face import TalkingFace

SYNTHESIS = Path("data/results/synthesis")
BAND = 0.15  # of the mask's weight: its outermost part is the border


def held_out(path: Path, seconds: float) -> None:
    """Write the sound of the test split."""
    dataset = Dataset.load(DATASET)
    pieces = []
    for rows in dataset.segments("test"):
        samples = read_wav(FRAMES / dataset.recording[rows[0]] / "audio" / f"{dataset.clip[rows[0]]}.wav")
        pieces.append(cut_sound(samples, int(dataset.frame[rows[0]]), len(rows), dataset.fps))
    write_wav(path, [np.concatenate(pieces)[: round(seconds * AUDIO_RATE)]])


def other_voice(path: Path, seconds: float, voice: str) -> None:
    """Write speech of another voice, sentences that are not in the footage."""
    speech = speak_sentences(OTHER_SENTENCES, seconds, voice=voice, pitch=40)
    spooled = np.interp(
        np.arange(round(speech.duration_s * AUDIO_RATE)) / AUDIO_RATE,
        np.arange(len(speech.samples)) / speech.sample_rate,
        speech.samples,
    )
    write_wav(path, [spooled.astype(np.int16)])


def seam(before: np.ndarray, after: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Sums of the absolute gradient across the mask's border, of the source and of the film."""
    border = (weight > 0) & (weight < BAND)
    across: np.ndarray = np.array(np.gradient(cv2.GaussianBlur(weight, (0, 0), 2.0)), np.float64)
    across /= np.linalg.norm(across, axis=0) + 1e-9
    found = []
    for image in (before, after):
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
        found.append(float(np.abs((np.array(np.gradient(gray)) * across).sum(axis=0))[border].sum()))
    return found[0], found[1]


def measure(face: TalkingFace, sound: Path, film: Path, expert: SyncExpert) -> dict[str, float]:
    """Dub and measure one film."""
    report = face.dub(sound, film, settings=DubSettings("lossless"), overwrite=True)
    with face.planned(sound) as plan, av.open(str(film)) as container:
        crops, gradients = _read(plan, container)
    with tempfile.TemporaryDirectory() as folder:
        spool = spool_sound(sound, Path(folder) / "sound.wav")
        samples = spool.read(0, round(plan.frames / plan.footage.fps * AUDIO_RATE))
    before, after = np.sum(gradients, axis=0)
    return {"frames": report.frames, **score(np.stack(crops), samples, expert)._asdict(), "seam": after / before}


def score(crops: np.ndarray, samples: np.ndarray, expert: SyncExpert) -> SyncScore:
    """One run of crops (n, size, size, 3) against its sound."""
    video, audio = expert.embed_video(crops), expert.embed_audio(samples)
    windows = min(len(video) - 1, len(audio))
    return sync_score(sync_distances(video[:windows], audio[:windows]).mean(0))


def _read(plan: Plan, container: av.container.InputContainer) -> tuple[list[np.ndarray], list[tuple[float, float]]]:
    crops, gradients = [], []
    landmarks = plan.all_landmarks()
    source = plan.footage.show(plan.picture_order)
    for frame, (made, picture) in enumerate(zip(container.decode(video=0), source, strict=True)):
        index = plan.picture_order[frame]
        image = made.to_ndarray(format="rgb24")
        transform = plan.footage_face.transforms[index]
        crops.append(cut_crop(image, transform, plan.size))
        if plan.opacity[index] == 1:
            mask = jaw_mask(plan.footage_face.landmarks[[index]], plan.size, landmarks[[frame]])[0]
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            weight = cv2.warpAffine(mask, transform.reshape(2, 3), image.shape[1::-1], flags=flags)
            gradients.append(seam(picture.rgb, image, weight))
    return crops, gradients


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face", type=Path, default=MODELS)
    parser.add_argument("--seconds", type=float, default=9.0, help="of every film")
    parser.add_argument("--speech", action="append", default=[], metavar="NAME=FILE", help="further speech")
    parser.add_argument("--films", type=Path, help="keep the films there")
    arguments = parser.parse_args()
    face, expert = load_face(arguments.face), load_sync_expert(MODELS / "syncnet")
    dataset = Dataset.load(DATASET)
    test = read_split(dataset, "test")
    chosen = slice(0, min(round(arguments.seconds * dataset.fps), len(test)))
    truth = read_row_crops(FRAMES, test, chosen)
    references = {"ground truth": truth, "reconstruction": GeneratedFrames(SYNTHESIS, test).images(chosen, truth)}
    print(f"{'':24}{'frames':>8}{'LSE-D':>10}{'LSE-C':>10}{'offset':>8}{'seam':>8}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.films or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        held_out(folder / "held_out.wav", arguments.seconds)
        other_voice(folder / "other_voice.wav", arguments.seconds, "en-gb-x-rp")
        sounds = {"held-out speech": folder / "held_out.wav", "other voice (espeak)": folder / "other_voice.wav"}
        samples = read_wav(sounds["held-out speech"])
        for name, crops in references.items():
            _print(name, {"frames": len(crops), **score(crops, samples, expert)._asdict()})
        for index, given in enumerate(arguments.speech):
            name, _, file = given.partition("=")
            sounds[name] = folder / f"speech_{index}.wav"
            spool = spool_sound(file, folder / "spool.wav")
            write_wav(sounds[name], [spool.read(0, round(min(arguments.seconds, spool.duration) * AUDIO_RATE))])
        for name, sound in sounds.items():
            _print(name, measure(face, sound, sound.with_suffix(".mkv"), expert))


def _print(name: str, found: dict[str, float]) -> None:
    row = f"{name:24}{found['frames']:8.0f}{found['lse_d']:10.4f}{found['lse_c']:10.4f}{found['offset']:8.0f}"
    print(f"{row}{found['seam']:8.3f}" if "seam" in found else row, flush=True)


if __name__ == "__main__":
    main()
