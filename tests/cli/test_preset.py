"""`difftalker preset`: params.yaml becomes a preset, the recordings stay, mistakes change nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from difftalker.cli.main import main
from difftalker.cli.preset import explanation
from difftalker.config import load_params
from difftalker.presets import head, load_preset, preset_text
from difftalker.weights.store import WEIGHTS_VARIABLE
from difftalker.weights.table import needed_weights
from tests.footage import noise, portrait, write_footage

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
PARAMS = Path("params.yaml")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "weights"))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["preset", *arguments])
    return int(caught.value.code or 0)


def record(name: str) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("recordings: [demo]", f"recordings: [{name}]"))


def test_presets_of_the_design_are_there() -> None:
    assert {"demo", "footage", "gpu", "paper"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(name: str) -> None:
    before = PARAMS.read_bytes()
    assert run(name) == 0
    assert PARAMS.read_text() == preset_text(Path(f"presets/{name}.yaml"))
    assert run("demo") == 0
    assert PARAMS.read_bytes() == before


def test_recordings_stay(capsys: pytest.CaptureFixture[str]) -> None:
    record("anna, bert")
    assert run("paper") == 0
    paper = Path("presets/paper.yaml")
    assert load_params(PARAMS) == replace(load_preset(paper), recordings=["anna", "bert"])
    assert PARAMS.read_text().startswith(head(paper.read_text())) and "\nseed: 0\n" in PARAMS.read_text()
    out = capsys.readouterr().out
    assert "recordings: [anna, bert]" in out and "dvc params diff" in out
    assert "not here yet: deepspeech, fan2d, syncnet, sd15; run `difftalker weights fetch`" in out
    assert run("paper", "--reset-recordings") == 0
    assert load_params(PARAMS).recordings == ["demo"]


def test_size_is_chosen_for_recordings_that_are_here(capsys: pytest.CaptureFixture[str]) -> None:
    """The portrait's face is about 100 pixels wide, so 256 of the gpu preset are more than it needs."""
    Path("data/raw/anna").mkdir(parents=True)
    write_footage(Path("data/raw/anna/a.mp4"), [portrait()] * 25, sound=noise(1.0))
    record("anna")
    assert run("gpu") == 0
    assert load_params(PARAMS).video.size == 128 and "video.size: 256 -> 128" in capsys.readouterr().out
    PARAMS.write_text(PARAMS.read_text().replace("recordings: [anna]", "recordings: [anna, bert]"))
    assert run("gpu") == 0
    assert load_params(PARAMS).video.size == 256 and "kept for the other recordings" in capsys.readouterr().out


def test_list_explains_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list") == 0
    out = " ".join(capsys.readouterr().out.split())
    for name in NAMES:
        first = explanation(Path(f"presets/{name}.yaml").read_text()).split()[:3]
        assert name in out and " ".join(first) in out and len(first) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["papper"], "no preset 'papper'; known: demo, "), ([], "name a preset; known: demo, ")],
)
def test_unknown_names(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = PARAMS.read_bytes()
    assert run(*arguments) == 1
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error
    assert PARAMS.read_bytes() == before


def test_broken_files_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    PARAMS.write_text("seed: [")
    assert run("paper") == 1
    assert "--reset-recordings" in capsys.readouterr().err and PARAMS.read_text() == "seed: ["
    assert run("demo", "--reset-recordings") == 0
    Path("presets/own.yaml").write_text("video: {sise: 256}\n")
    before = PARAMS.read_bytes()
    assert run("own") == 1
    error = capsys.readouterr().err.strip()
    assert error.endswith("presets/own.yaml: unknown key video.sise; did you mean video.size?") and "\n" not in error
    assert PARAMS.read_bytes() == before


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert run("demo") == 1 and not PARAMS.exists()


def test_paper_preset_is_the_papers_setting() -> None:
    params = load_preset(ROOT / "presets/paper.yaml")
    assert params.video.size == 512 and params.split.test_fraction == 1000 / 8000
    assert params.landmarks.train.learning_rate == 5e-4 and params.face.train.learning_rate == 1e-4
    assert params.prior.prediction == "epsilon" and not params.face.train_unet_decoder
    assert [weight.name for weight in needed_weights(params)] == ["deepspeech", "fan2d", "syncnet", "sd15"]


@pytest.mark.parametrize("name", ["demo", "footage", "gpu"])
def test_other_presets_need_no_weights(name: str) -> None:
    assert needed_weights(load_preset(ROOT / f"presets/{name}.yaml")) == []
