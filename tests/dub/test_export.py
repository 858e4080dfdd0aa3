"""A face as a portable folder: complete, readable elsewhere, described; and what is said of one that is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from difftalker.errors import UserError
from difftalker.export import ModelCard, export_face, model_card, push_to_hub
from difftalker.face_folder import face_hash, read_description
from difftalker.project import load_face
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import CONSENT, Tiny
from tests.provenance.unsigned import unsigned

METRICS = {
    "psnr": 31.256,
    "test_frames": 9,
    "film": {"own": {"ld": 0.0019053, "psnr_jaw": 31.256}},
    "protocol": {"sync_crop": "the rule"},
}
CARD = ModelCard({"anna": (3, 93.2)}, METRICS, "CC BY-NC 4.0", [CONSENT])


@pytest.fixture(scope="module")
def exported(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "anna"
    models = shutil.copytree(tiny.folder, out.parent / "models")
    spoil(models, "footage", f"anna/{tiny.footage.name}")
    tiny.footage_face.save(models / "footage/face_track.safetensors")
    digest = export_face(models, CARD, out, tiny.footage)
    assert digest == face_hash(out) == face_hash(tiny.folder)
    return out


def test_speaks_elsewhere(exported: Path, speech: Callable[..., Path], tiny: Tiny, tmp_path: Path) -> None:
    moved = shutil.copytree(exported, tmp_path / "elsewhere" / "face")
    stages = set()
    assert load_face(moved).footage_face is not None, "nor by the command"
    face = TalkingFace.load(moved, device="cpu")
    face.dub(speech(0.4), tmp_path / "out.mp4", progress=lambda stage, done, total: stages.add(stage))
    assert stages == {"paint"}  # the face in its own footage need not be looked for
    tiny.load().dub(speech(0.4), tmp_path / "same.mp4")
    assert unsigned(tmp_path / "out.mp4") == unsigned(tmp_path / "same.mp4")


def test_holds_no_pickle_and_no_path(exported: Path, tiny: Tiny) -> None:
    files = [path for path in exported.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".md", ".mp4"}
    for path in files:
        if path.suffix in (".json", ".md"):
            assert str(tiny.folder.parent) not in path.read_text()


def test_card_says_what_it_is(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    assert card.startswith("---\n") and face_hash(exported) in card
    for text in (
        "`anna`: 3 clips, 93 s",
        f"for DiffTalker, made with version {read_description(exported).version}",
        "| PSNR inside the jaw (dB) | 31.3 |",
        "| LD, landmark distance (crop sides) | 0.0019 |",
        "- sync crop: the rule\n",
        "\n\nCC BY-NC 4.0.\n\n",
        "MediaPipe's attention mesh, which ships with the program",
        "## Intended use",
        "- Anna, from 2026-01-01 without an end: Tests of this program. Statement: sha256 000",
    ):
        assert text in card
    assert "test_frames" not in card
    plain = model_card(read_description(exported), ModelCard(), "0", True)
    assert "Not stated: ask the person shown before any use." in plain and "None were taken along." in plain
    assert "None is on record. Ask the person shown" in plain


def test_without_footage(tiny: Tiny, speech: Callable[..., Path], tmp_path: Path) -> None:
    export_face(tiny.folder, CARD, tmp_path / "face")
    assert not (tmp_path / "face/footage").exists()
    with pytest.raises(UserError, match="comes without footage; name a base video"):
        TalkingFace.load(tmp_path / "face", device="cpu").dub(speech(0.2), tmp_path / "out.mp4")


def test_without_room_nothing_is_begun(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(UserError, match=r"face: takes .* MiB, of which the disk has 0; make room"):
        export_face(tiny.folder, CARD, tmp_path / "face", tiny.footage)
    assert not list(tmp_path.iterdir())


def spoil(folder: Path, key: str, value: object) -> None:
    data = json.loads((folder / "face.json").read_text())
    data[key] = value
    (folder / "face.json").write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: spoil(folder, "format", 99), "made by a newer version .*update DiffTalker"),
        (lambda folder: spoil(folder, "size", -1), "key size"),
        (lambda folder: spoil(folder, "more", 1), "key more"),
        (lambda folder: (folder / "face.json").write_text("{"), "not readable"),
        (lambda folder: (folder / "face.json").unlink(), "face.json is missing"),
        (lambda folder: shutil.rmtree(folder / "landmarks"), "incomplete .landmarks/ is missing"),
        (lambda folder: (folder / "face/model.safetensors").unlink(), "no such file"),
        (lambda folder: (folder / "face/model.safetensors").write_bytes(b"0" * 40), "cannot be loaded"),
        (lambda folder: (folder / "prior/unet/config.json").unlink(), "not a complete prior"),
        (lambda folder: (folder / "footage/face_track.safetensors").write_bytes(b"0" * 40), "face_track.safetensors"),
        (lambda folder: shutil.rmtree(folder), "no such folder"),
    ],
)
def test_damaged_folders_are_named(exported: Path, tmp_path: Path, damage: Callable[[Path], object], said: str) -> None:
    folder = shutil.copytree(exported, tmp_path / "face")
    damage(folder)
    with pytest.raises(UserError, match=said):
        TalkingFace.load(folder, device="cpu")


def test_hub_that_cannot_be_reached(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with pytest.raises(UserError, match=r"someone/anna: .*is complete"):
        push_to_hub(exported, "someone/anna")
    with pytest.raises(UserError, match="--push-to-hub no/such/name"):
        push_to_hub(exported, "no/such/name")
