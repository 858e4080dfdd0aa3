"""A project's models as a face: the stage on real footage of two seconds, then all that loads what it wrote."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from difftalker.cli.main import main
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace
from difftalker.face_folder import NETWORKS, face_hash, read_description
from difftalker.media.wav import write_wav
from difftalker.project import base_footage, load_face
from difftalker.talking_face import TalkingFace
from tests.dub.conftest import syllables
from tests.dub.tiny_face import make_tiny, pictures
from tests.footage import write_footage
from tests.project import ROOT, TINY, merge
from tests.provenance.unsigned import unsigned

MODELS = Path("data/models")
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def run_stage(name: str, recording: str = "") -> None:
    """A stage's command of dvc.yaml, in this process and the working directory."""
    command = (STAGES[name]["cmd"].replace("${item.rec}", recording)).split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command[2:])
        runpy.run_module(f"stages.{name}", run_name="__main__")


def run_command(*arguments: str | Path) -> object:
    """The status of `difftalker` with some arguments."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return caught.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after training: two recordings, the second with the longer clip, of another rate than the pipeline's;
    the networks are the tiny face's."""
    root = tmp_path_factory.mktemp("project")
    params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
    merge(params, TINY)
    params["recordings"] = ["anna", "later"]
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    for name in ("anna", "later"):
        (root / "data/raw" / name).mkdir(parents=True)
    write_footage(root / "data/raw/anna/a.mp4", pictures(64), 25.0, syllables(64 / 25))
    write_footage(root / "data/raw/later/b.mkv", pictures(90), 30.0, syllables(3))
    tiny = make_tiny(tmp_path_factory.mktemp("tiny")).folder
    for network in NETWORKS:
        shutil.copytree(tiny / network, root / MODELS / network)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("extract_frames", "detect_landmarks", "extract_audio"):
            for recording in ("anna", "later"):
                run_stage(name, recording)
        run_stage("build_dataset")
    return root


@pytest.fixture(scope="module")
def described(trained: Path) -> Path:
    """The same after the stage, with one recording."""
    root = shutil.copytree(trained, trained.parent / "described")
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("- later\n", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run_stage("build_dataset")
        run_stage("describe_speaker")
    return root


@pytest.fixture
def project(described: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which nothing may be measured or looked for again."""
    monkeypatch.chdir(described)
    monkeypatch.setattr("difftalker.dub.speaker_measures.measure_speaker", None)
    monkeypatch.setattr("difftalker.dub.footage_face.find_face_in_footage", None)
    return described


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file of ten frames."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_wav(path, [syllables(0.4)])
    return path


def test_says_what_the_params_and_the_footage_say(project: Path) -> None:
    description = read_description(MODELS)
    params = yaml.safe_load((project / "params.yaml").read_text())
    assert (description.name, description.footage) == ("anna", "anna/a.mp4")
    assert (description.size, description.fps) == (params["video"]["size"], params["video"]["fps"])
    assert (description.crop_scale, description.smoothing_seconds) == (
        params["frames"]["crop_scale"],
        params["frames"]["smoothing_seconds"],
    )
    assert description.sampling.steps == params["sampling"]["steps"]
    assert description.audio.encoder == params["audio"]["encoder"]
    assert description.speaker.face_position == pytest.approx([0.5, 0.5, 0.36], abs=0.15)
    assert description.speaker.head_turn_range[0] < 0.5 < description.speaker.head_turn_range[1] + 0.1
    footage_face = FootageFace.load(MODELS / "footage/face_track.safetensors")
    assert len(footage_face) == 64 and footage_face.valid.all()
    assert np.array_equal(footage_face.stamps, Footage("data/raw/anna/a.mp4").index())


def test_models_are_a_face_that_speaks(project: Path, speech: Path, tmp_path: Path) -> None:
    parts = set()
    face = load_face(MODELS)
    assert face.footage == (project / "data/raw/anna/a.mp4").resolve() and face.footage_face is not None
    report = face.dub(speech, tmp_path / "a.mp4", progress=lambda part, done, total: parts.add(part))
    assert report.frames == 10 and parts == {"paint"}
    assert run_command("dub", "--audio", speech, "-o", tmp_path / "b.mp4") == 0
    assert run_command("dub", "--face", project / MODELS, "--audio", speech, "-o", tmp_path / "c.mp4") == 0
    plain = TalkingFace.load(MODELS, "data/raw/anna/a.mp4")
    plain.dub(speech, tmp_path / "d.mp4")
    first, *others = (unsigned(path) for path in sorted(tmp_path.glob("*.mp4")))
    assert len(others) == 3 and all(other == first for other in others)


def test_export_is_a_copy(project: Path, speech: Path, tmp_path: Path) -> None:
    assert run_command("export", "-o", tmp_path / "anna") == 0
    copied = {path.relative_to(tmp_path / "anna").as_posix(): path for path in (tmp_path / "anna").rglob("*.*")}
    film = copied.pop("footage/anna/a.mp4")
    assert film.read_bytes() == Path("data/raw/anna/a.mp4").read_bytes()
    assert face_hash(tmp_path / "anna") in copied.pop("README.md").read_text()
    assert copied.pop("signature.json").is_file()
    assert copied.keys() == {path.relative_to(MODELS).as_posix() for path in MODELS.rglob("*.*")}
    assert all(path.read_bytes() == (MODELS / name).read_bytes() for name, path in copied.items())
    load_face(MODELS).dub(speech, tmp_path / "here.mp4")
    TalkingFace.load(tmp_path / "anna").dub(speech, tmp_path / "there.mp4")
    assert unsigned(tmp_path / "here.mp4") == unsigned(tmp_path / "there.mp4")


def test_export_of_an_export_is_refused(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("export", "-o", tmp_path / "anna", "--no-footage", "--name", "Anna") == 0
    assert read_description(tmp_path / "anna").name == "Anna" and not (tmp_path / "anna/footage").exists()
    assert base_footage(tmp_path / "anna") is None
    assert run_command("export", tmp_path / "anna", "-o", tmp_path / "again") == 1
    assert "is an exported face already; copy the folder" in capsys.readouterr().err


def test_measures_the_same_again(described: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = shutil.copytree(described, tmp_path / "again")
    monkeypatch.chdir(root)
    names = ("face.json", "footage/face_track.safetensors")
    before = [(MODELS / name).read_bytes() for name in names]
    for name in names:
        (MODELS / name).unlink()
    run_stage("describe_speaker")
    assert [(MODELS / name).read_bytes() for name in names] == before


def test_footage_of_another_rate_is_looked_at_once(
    trained: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shutil.copytree(trained, tmp_path / "project")
    monkeypatch.chdir(root)
    run_stage("describe_speaker")
    assert read_description(MODELS).footage == "later/b.mkv" and read_description(MODELS).name == "anna"
    footage_face = FootageFace.load(MODELS / "footage/face_track.safetensors")
    assert len(footage_face) == 90 and footage_face.valid.all(), "the film's own pictures, not the 75 of the pipeline"
    monkeypatch.setattr("difftalker.dub.footage_face.find_face_in_footage", None)
    report = load_face(MODELS).dub(speech, tmp_path / "out.mp4")
    assert (report.frames, report.fps) == (12, 30.0)


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("face.json", "data/models: no trained face here; run `dvc repro`"),
        ("landmarks", "data/models: the face is incomplete (landmarks/ is missing); run `dvc repro`"),
        ("footage/face_track.safetensors", "data/models/footage/face_track.safetensors: cannot be read"),
        ("face/model.safetensors", "data/models/face: the model cannot be loaded"),
    ],
)
def test_what_is_missing_or_damaged_is_one_line(
    described: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    speech: Path,
    gone: str,
    said: str,
) -> None:
    monkeypatch.chdir(shutil.copytree(described, tmp_path / "project"))
    path = MODELS / gone
    if path.is_dir():
        shutil.rmtree(path)
    elif path.suffix == ".json":
        path.unlink()
    else:
        path.write_bytes(b"0" * 40)
    assert run_command("dub", "--audio", speech, "-o", tmp_path / "out.mp4") == 1
    _, message = capsys.readouterr().err.strip().split("\n")
    assert said in message


def test_clip_that_is_gone_is_one_line(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(trained, tmp_path / "project")
    (root / "data/raw/later/b.mkv").rename(root / "data/raw/later/c.mkv")
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit):
        run_stage("describe_speaker")
    assert "error: data/raw/later: the clip b is gone" in capsys.readouterr().err
