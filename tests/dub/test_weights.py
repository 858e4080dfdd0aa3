"""A face whose audio encoder is DeepSpeech: its weights are those of the training, and come first."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from difftalker import TalkingFace
from difftalker.audio.encoder import AudioEncoder, make_encoder
from difftalker.config import load_params
from difftalker.errors import UserError
from difftalker.face_folder import DESCRIPTION
from difftalker.media.wav import write_wav
from difftalker.weights.store import WEIGHTS_VARIABLE, import_weight
from difftalker.weights.table import weight_named
from tests.dub.tiny_face import tiny_face
from tests.footage import noise, portrait, write_footage
from tests.weights.serving import sha256

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests/audio/deepspeech_small.pb"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A face with DeepSpeech, pinned to a graph of one's own, and footage."""
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "weights"))
    tiny_face(tmp_path / "face")
    path = tmp_path / "face" / DESCRIPTION
    weights = asdict(load_params(ROOT / "params.yaml").weights) | {"deepspeech": sha256(SMALL.read_bytes())}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"audio": {"encoder": "deepspeech"}, "weights": weights}))
    write_footage(tmp_path / "base.mp4", [portrait()] * 8)
    return tmp_path


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    write_wav(tmp_path / "speech.wav", [noise(0.4)])
    return tmp_path / "speech.wav"


def test_missing_weights_come_out_before_the_face_is_looked_for(
    folder: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("difftalker.dub.plan.find_speaker_in_footage", None)  # not reached
    face = TalkingFace.load(folder / "face")
    with pytest.raises(UserError, match=r"weights 'deepspeech': .* with the file of this hash"):
        face.dub(speech, folder / "out.mp4", folder / "base.mp4")


def test_weights_of_the_training_are_used(folder: Path, speech: Path) -> None:
    import_weight(weight_named("deepspeech", sha256(SMALL.read_bytes())), SMALL)
    report = TalkingFace.load(folder / "face").dub(speech, folder / "out.mp4", folder / "base.mp4")
    assert report.frames == 10 and (folder / "out.mp4").exists()


def test_the_encoder_runs_where_the_face_does(folder: Path, speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_weight(weight_named("deepspeech", sha256(SMALL.read_bytes())), SMALL)
    asked: list[object] = []

    def make(*arguments: Any) -> AudioEncoder:
        asked.append(arguments[2])
        return make_encoder(*arguments)

    monkeypatch.setattr("difftalker.dub.plan.make_encoder", make)
    TalkingFace.load(folder / "face", device="cpu").landmarks(speech, folder / "base.mp4")
    assert asked == ["cpu"]
