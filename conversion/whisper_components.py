"""Fit the 29 components of Whisper's rows on clean speech of many voices.

    mkdir debs voices && cd debs
    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 klettres-data flite libflite1
    for package in *.deb; do dpkg -x $package ../voices; done && cd ..
    python -m conversion.whisper_components voices

The sound of some 120 voices goes in, and two small arrays come out; none of the sound is in the project:

- Debian's `asterisk-core-sounds-*` 1.6.1: telephone prompts at 16 kHz, read by five speakers in English, Spanish,
  French, Italian and Russian. CC-BY-SA-3.0, Russian CC-BY-3.0.
- Debian's `klettres-data` 22.12.3: letters and syllables, read by speakers of 19 languages. GPL-2+.
- Debian's `flite` 2.2: the voices awb, rms, slt and kal16, made from recordings; they name their phonemes. BSD-like.
- `espeakng-loader`: eSpeak NG's variants of an English voice; they name their phonemes, too. GPL-3.0.

The components are the principal ones of how rows differ from their own voice's mean, so that what tells voices apart
has little say, with the differences between the means of phonemes counted `EMPHASIS` times on top (docs/speech.md).
Writes `difftalker/audio/whisper/components.safetensors`; its hash belongs into `difftalker/audio/whisper/weights.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import espeakng_loader
import numpy as np
import torch
from safetensors.torch import save_file
from scipy.signal import resample_poly

from demo_speaker.sentences import OTHER_SENTENCES
from demo_speaker.speech import speak
from difftalker.audio.encoder import InMemorySound
from difftalker.audio.feature_windows import FEATURE_RATE
from difftalker.audio.voice_activity import active_speech_level, row_power
from difftalker.audio.whisper.encoder import PADDED_ROWS, network_rows, row_span, span_count
from difftalker.audio.whisper.network import WhisperNetwork
from difftalker.audio.whisper.weights import WHISPER_FOLDER, load_whisper_network
from difftalker.files import replacing
from difftalker.media.wav import AUDIO_RATE

_T = TypeVar("_T")

COMPONENTS = 29
EMPHASIS = 20.0
_SECONDS = 16  # of each recorded voice
_SENTENCES = 20  # of each voice of flite; 2 of each of eSpeak NG
_LEAST = 50  # rows of a phoneme whose mean counts
_PAUSE = 10 ** (-35 / 10)  # of the active speech level: rows below are left out
_NO_PERSONS = ("whisper", "robo", "fast", "anikarobot", "unirobot", "demonic", "mr serious", "croak", "tweaky")


@dataclass
class Voice:
    """A voice's sound.

    Attributes:
        kind: `asterisk`, `klettres`, `flite` or `espeak`; phonemes are compared within a kind.
        name: which of them.
        samples: (n,) int16, 16 kHz.
        phonemes: name, first and last second (exclusive); empty where they are not known.
    """

    kind: str
    name: str
    samples: np.ndarray
    phonemes: list[tuple[str, float, float]]


def recorded(share: Path) -> Iterator[Voice]:
    """The voices of asterisk and klettres below the folder `usr/share`."""
    for folder in sorted((share / "asterisk/sounds").glob("*_*")):
        if files := sorted(
            path for path in folder.glob("*.g722") if path.stat().st_size > AUDIO_RATE
        ):  # 2 s: sentences
            sounds = [decode(path, "g722") for path in spread(files, _SECONDS // 2)]
            yield Voice("asterisk", folder.name, np.concatenate(sounds)[: _SECONDS * AUDIO_RATE], [])
    for folder in sorted((share / "klettres").iterdir()):
        if files := sorted(folder.glob("*/*.ogg")):
            sounds = [decode(path) for path in spread(files, _SECONDS)]
            yield Voice("klettres", folder.name, np.concatenate(sounds)[: _SECONDS * AUDIO_RATE], [])


def flite(root: Path) -> Iterator[Voice]:
    """The voices of flite, unpacked to `root`."""
    library = {**os.environ, "LD_LIBRARY_PATH": str(next(root.glob("usr/lib/*-linux-gnu")))}
    for name in ("awb", "rms", "slt", "kal16"):
        sounds, phonemes, start = [], [], 0.0
        for sentence in spread(OTHER_SENTENCES, _SENTENCES):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "spoken.wav"
                command = [str(root / "usr/bin/flite"), "-voice", name, "-psdur", "-t", sentence, str(path)]
                said = subprocess.run(command, check=True, env=library, capture_output=True, text=True).stdout
                sounds.append(decode(path))
            begin = 0.0
            for phoneme, end in (token.rsplit(":", 1) for token in said.split() if ":" in token):
                phonemes.append((phoneme, start + begin, start + float(end)))
                begin = float(end)
            start += len(sounds[-1]) / AUDIO_RATE
        yield Voice("flite", name, np.concatenate(sounds), phonemes)


def espeak() -> Iterator[Voice]:
    """eSpeak NG's variants of an English voice, each with a rate and a pitch of its own."""
    rng = np.random.default_rng(0)
    variants = sorted(path.name for path in Path(espeakng_loader.get_data_path(), "voices/!v").iterdir())
    persons = [variant for variant in variants if not variant.lower().startswith(_NO_PERSONS)]
    for number, variant in enumerate(persons):
        rate, pitch = int(rng.integers(120, 200)), int(rng.integers(20, 90))
        sounds, phonemes, start = [], [], 0.0
        for sentence in (OTHER_SENTENCES[(2 * number + k) % len(OTHER_SENTENCES)] for k in range(2)):
            speech = speak(sentence, f"en-us+{variant}", rate, pitch)
            sound = resample_poly(speech.samples.astype(np.float64), AUDIO_RATE // 50, speech.sample_rate // 50)
            sounds.append(np.rint(sound).clip(-32768, 32767).astype(np.int16))
            phonemes += [(part.name, start + part.start_s, start + part.end_s) for part in speech.phonemes]
            start += len(sounds[-1]) / AUDIO_RATE
        yield Voice("espeak", variant, np.concatenate(sounds), phonemes)


def decode(path: Path, container: str | None = None) -> np.ndarray:
    """A file's sound: (n,) int16, mono, 16 kHz; empty where FFmpeg cannot read it, as a few of klettres."""
    pieces = [np.zeros(0, np.int16)]
    try:
        with av.open(str(path), format=container) as file:
            resampler = av.AudioResampler("s16", "mono", AUDIO_RATE)
            for frame in file.decode(audio=0):
                frame.pts = None
                pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    except av.FFmpegError:
        return pieces[0]
    return np.concatenate(pieces)


def spread(items: Sequence[_T], count: int) -> list[_T]:
    """`count` of the items, evenly spread."""
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, min(count, len(items)))]


@dataclass
class VoiceRows:
    """The network's rows of a voice.

    Attributes:
        kind: see `Voice`.
        values: (n, 384) float64.
        is_spoken: (n,) bool: loud enough to be speech.
        phonemes: their names, (n,), empty where not known.
    """

    kind: str
    values: np.ndarray
    is_spoken: np.ndarray
    phonemes: np.ndarray


def hear(network: WhisperNetwork, voice: Voice) -> VoiceRows:
    """What the network makes of a voice."""
    power = row_power(voice.samples)
    level = active_speech_level(power)
    sound = InMemorySound(voice.samples)
    stretches = [row_span(number, sound.samples) for number in range(span_count(sound.samples))]
    values = torch.cat([network_rows(network, sound, level, stretch) for stretch in stretches]).double().numpy()
    names = np.full(len(power), "", object)
    for name, begin, end in voice.phonemes:
        names[round(begin * FEATURE_RATE) : round(end * FEATURE_RATE)] = name
    return VoiceRows(voice.kind, values[PADDED_ROWS : PADDED_ROWS + len(power)], power > _PAUSE * level, names)


def fit(voices: Iterable[VoiceRows]) -> tuple[np.ndarray, np.ndarray]:
    """The mean (384,) of speech and the map (384, 29) from what differs from it to components of unit variance."""
    means: dict[str, list[np.ndarray]] = defaultdict(list)
    within: dict[str, list[np.ndarray]] = defaultdict(list)
    classes: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
    for voice in voices:
        speech = voice.values[voice.is_spoken]
        means[voice.kind].append(speech.mean(axis=0))
        within[voice.kind].append(np.cov(speech.T, bias=True))
        for name in set(voice.phonemes) - {""}:  # pauses are among them
            classes[voice.kind, name].append(voice.values[voice.phonemes == name])
    # Kinds count alike, and so do the voices of a kind.
    mean, covariance = (np.mean([np.mean(of, axis=0) for of in parts.values()], axis=0) for parts in (means, within))
    between = np.zeros_like(covariance)
    kinds = {kind for kind, _ in classes}
    for kind in kinds:
        of_kind = [np.concatenate(rows) for (other, _), rows in classes.items() if other == kind]
        of_kind = [rows for rows in of_kind if len(rows) >= _LEAST]
        weights = np.sqrt([len(rows) for rows in of_kind])
        between += np.cov(np.stack([rows.mean(axis=0) for rows in of_kind]).T, aweights=weights, bias=True)
    _, directions = np.linalg.eigh(covariance + EMPHASIS * between / len(kinds))
    best = directions[:, : -COMPONENTS - 1 : -1]  # (384, 29)
    best = best * np.sign(best[np.abs(best).argmax(axis=0), np.arange(COMPONENTS)])
    return mean, best / np.sqrt(np.einsum("ij,ik,kj->j", best, covariance, best))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", type=Path, help="folder into which the Debian packages are unpacked")
    root = parser.parse_args().voices
    network = load_whisper_network()
    seconds: dict[str, list[float]] = defaultdict(list)
    parts = []
    for voice in (*recorded(root / "usr/share"), *flite(root), *espeak()):
        seconds[voice.kind].append(len(voice.samples) / AUDIO_RATE)
        parts.append(hear(network, voice))
    for kind, lengths in seconds.items():
        print(f"{kind}: {len(lengths)} voices, {sum(lengths):.0f} s")
    mean, basis = fit(parts)
    path = WHISPER_FOLDER / "components.safetensors"
    with replacing(path) as partial:
        arrays = {"mean": torch.from_numpy(mean).float(), "map": torch.from_numpy(basis).float()}
        save_file({name: value.contiguous() for name, value in arrays.items()}, partial)
    print(f"{path}: sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
