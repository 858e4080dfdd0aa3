"""An exported face is signed, and says so when it was changed."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from difftalker.cli.main import main
from difftalker.export import ModelCard, export_face
from difftalker.provenance.face_signature import FACE_SIGNATURE, FaceChangedWarning, face_changes
from difftalker.provenance.signing_key import Signing
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import CONSENT, Tiny


@pytest.fixture(scope="module")
def exported(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("signed") / "anna"
    export_face(tiny.folder, ModelCard(consent=[CONSENT]), out)
    return out


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "anna")


def edit(path: Path, key: str, value: object) -> None:
    data = json.loads(path.read_text())
    data[key] = value
    path.write_text(json.dumps(data))


def test_an_unchanged_face_is_silent(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FaceChangedWarning)
        face = TalkingFace.load(exported, device="cpu")
    assert face.changes == [] and face.consent == (CONSENT,)
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(exported)])
    said = capsys.readouterr().out
    assert caught.value.code == 0 and "signature: holds; no file was changed since" in said and face.hash in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: edit(folder / "face.json", "name", "other"), "face.json was changed"),
        (lambda folder: (folder / "README.md").write_text("Anything goes."), "README.md was changed"),
        (lambda folder: (folder / "consent.json").unlink(), "consent.json is missing"),
        (lambda folder: (folder / "prior/more.json").write_text("{}"), "prior/more.json was added"),
        (lambda folder: edit(folder / FACE_SIGNATURE, "signed", {"files": {}}), "the face's signature does not hold"),
        (lambda folder: edit(folder / FACE_SIGNATURE, "certificates", "none"), "the face's signature does not hold"),
        (lambda folder: (folder / FACE_SIGNATURE).write_text("no signature"), "the face's signature cannot be read"),
    ],
)
def test_a_changed_face_is_loaded_with_a_warning(
    copy: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], object], said: str
) -> None:
    change(copy)
    with pytest.warns(FaceChangedWarning, match=said) as caught:
        TalkingFace.load(copy, device="cpu")
    assert len(caught) == 1 and "\n" not in str(caught[0].message)
    with pytest.raises(SystemExit) as status:
        main(["verify", str(copy)])
    assert status.value.code == 1 and said in capsys.readouterr().out


def test_changed_weights_are_named(copy: Path) -> None:
    path = next((copy / "face").rglob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.warns(FaceChangedWarning, match=rf"is not the face that was signed: face/{path.name} was changed; ask"):
        face = TalkingFace.load(copy, device="cpu")
    assert face_changes(copy, face.hash) == face.changes


def test_films_of_a_changed_face_say_so(copy: Path, tiny: Tiny, speech: Callable[..., Path], tmp_path: Path) -> None:
    edit(copy / "face.json", "name", "other")
    with pytest.warns(FaceChangedWarning):
        face = TalkingFace.load(copy, footage=tiny.footage, device="cpu")
    report = face.dub(speech(0.4), tmp_path / "out.mp4")
    assert [warning for warning in report.warnings if "face.json was changed" in warning] == face.changes


def test_a_face_need_not_be_signed(tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_face(tiny.folder, ModelCard(), tmp_path / "face", signing=Signing(off=True))
    assert not (tmp_path / "face" / FACE_SIGNATURE).exists()
    face = TalkingFace.load(tmp_path / "face", device="cpu")
    assert face.changes == [] and face.consent is None
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(tmp_path / "face")])
    assert caught.value.code == 1 and "signature: none; whether" in capsys.readouterr().out
