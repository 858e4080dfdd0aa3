"""Damaged files of every kind that a user can hand over, and the code that reads them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from difftalker.app.limits import Limits, sound_seconds
from difftalker.completion.landmark_file import read_completed
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.dub.film_list import read_items
from difftalker.dub.footage import Footage
from difftalker.dub.sound import spool_sound
from difftalker.media.decode import decode_audio, decode_frames
from difftalker.media.probe import validate_video
from difftalker.provenance.consent import read_consent_form
from difftalker.tables import read_images
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import pictures, tiny_face
from tests.fuzz.damage import damaged_bytes, damaged_text
from tests.fuzz.media import write_media
from tests.fuzz.tables import write_tables
from tests.project import ROOT

_FRAMES = 40  # looked at
_LIMITS = Limits()


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        prepare: writes whole files into a folder, once.
        damage: makes a damaged one from the folder, in another folder, as a seed says.
        read: reads it as the product would; raises UserError where it cannot be used.
        share: of all inputs.
    """

    prepare: Callable[[Path], None]
    damage: Callable[[Path, Path, random.Random], Path]
    read: Callable[[Path], None]
    share: float


def _damage_file(whole: Path, folder: Path, chance: random.Random) -> Path:
    source = chance.choice(sorted(path for path in whole.iterdir() if path.is_file()))
    target = folder / source.name
    target.write_bytes(damaged_bytes(source.read_bytes(), chance))
    return target


def _damage_text(whole: Path, folder: Path, chance: random.Random) -> Path:
    source = chance.choice(sorted(whole.iterdir()))
    target = folder / source.name
    text = source.read_text(encoding="utf-8")
    if chance.random() < 0.3:
        target.write_bytes(damaged_bytes(text.encode(), chance))
    else:
        target.write_text(damaged_text(text, chance), encoding="utf-8")
    return target


def _damage_folder(whole: Path, folder: Path, chance: random.Random) -> Path:
    target = folder / "face"
    shutil.copytree(whole / "face", target)
    chosen = chance.choice(sorted(path for path in target.rglob("*") if path.is_file()))
    if chance.random() < 0.1:
        chosen.unlink()
    elif chosen.suffix == ".json" and chance.random() < 0.7:
        chosen.write_text(damaged_text(chosen.read_text(encoding="utf-8"), chance), encoding="utf-8")
    else:
        chosen.write_bytes(damaged_bytes(chosen.read_bytes(), chance))
    return target


def _read_footage(path: Path) -> None:
    info = validate_video(path)
    for _ in islice(decode_frames(path, 25.0), _FRAMES):
        pass
    for _ in decode_audio(path, min(round(info.duration * 16_000), 160_000)):
        pass


def _read_base(path: Path) -> None:
    footage = Footage(path)
    count = sum(1 for _ in footage.scan(_FRAMES))
    for _ in footage.read(np.arange(count)):
        pass


def _read_sound(path: Path) -> None:
    spool_sound(path, path.parent / "spooled.wav")


def _read_upload(path: Path) -> None:
    sound_seconds(path, _LIMITS)


def _read_dataset(path: Path) -> None:
    if path.name == "crops.parquet":
        read_images(path, np.arange(4))
    elif path.name == "dataset.parquet":
        dataset = Dataset.load(path)
        dataset.rows("train"), dataset.segments("test")
    else:
        read_completed(path, 20)


def _read_list(path: Path) -> None:
    read_items(path, path.parent / "out")


def _read_params(path: Path) -> None:
    load_params(path)


def _read_consent(path: Path) -> None:
    read_consent_form(path)


def _read_face(path: Path) -> None:
    TalkingFace.load(path, device="cpu")


def _write_params(folder: Path) -> None:
    shutil.copy(ROOT / "params.yaml", folder)


def _write_lists(folder: Path) -> None:
    (folder / "list.yaml").write_text("- audio: a.wav\n  output: a.mp4\n- {audio: b.wav, video: base.mp4}\n- c.wav\n")
    (folder / "list.csv").write_text("audio,output,face\na.wav,a.mp4,\nb.wav,b.mkv,faces/anna\n")


def _write_consent(folder: Path) -> None:
    (folder / "consent.yaml").write_text(
        "person: Anna\ngiven: 2026-01-01\nuse: Films of lectures.\nuntil: 2027-01-01\ndocument:\n"
    )


def _write_face(folder: Path) -> None:
    tiny_face(folder / "face", footage=pictures(8))


KINDS = {
    "footage": Kind(write_media, _damage_file, _read_footage, 0.25),
    "base": Kind(write_media, _damage_file, _read_base, 0.15),
    "sound": Kind(write_media, _damage_file, _read_sound, 0.2),
    "upload": Kind(write_media, _damage_file, _read_upload, 0.1),
    "params": Kind(_write_params, _damage_text, _read_params, 0.1),
    "list": Kind(_write_lists, _damage_text, _read_list, 0.05),
    "consent": Kind(_write_consent, _damage_text, _read_consent, 0.02),
    "table": Kind(write_tables, _damage_file, _read_dataset, 0.08),
    "face": Kind(_write_face, _damage_folder, _read_face, 0.05),
}


def numbers(kind: Kind, inputs: int) -> Iterator[int]:
    """Seeds of a kind's inputs, at least one."""
    yield from range(max(round(kind.share * inputs), 1))
