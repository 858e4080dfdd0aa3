"""`difftalker weights`: one line for every mistake, nothing half done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from face_alignment.models import FAN

from difftalker.audio.deepspeech.network import DeepSpeech
from difftalker.cli.main import main
from difftalker.presets import preset_text
from difftalker.weights import table
from difftalker.weights.store import WEIGHTS_VARIABLE
from tests.weights.serving import CONTENT, sha256, single

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["weights", *arguments])
    return int(caught.value.code or 0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.chdir(Path(__file__).parent)  # no project
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(folder))
    monkeypatch.setitem(table.WEIGHTS, "net", single("http://127.0.0.1:9/net.bin"))  # the port discards
    return folder


def test_list(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    assert run("list") == 0
    out = capsys.readouterr().out
    for name in ("deepspeech", "fan2d", "syncnet", "sd15"):
        assert name in out
    assert str(cache) in out.replace("\n", "")
    assert "about 491 MB" in out and "about 95 MB" in out and "55 MB" in out, "what is not published is reckoned"
    assert "that of" not in out


def test_list_says_what_lies_on_the_disk(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    run("import", "net", str(tmp_path / "file"))
    assert run("list") == 0
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["net"]]
    assert row[1:4] == ["yes", "3", "MB"]


def test_reckoned_sizes_are_those_of_the_networks() -> None:
    with torch.device("meta"):
        deepspeech = DeepSpeech((2048, 2048, 4096, 2048, 2048)).parameters()
        fan = FAN(4).state_dict().values()
    for name, tensors in (("deepspeech", deepspeech), ("fan2d", fan)):
        counted = 4 * sum(each.numel() for each in tensors)
        assert table.WEIGHTS[name].about == pytest.approx(counted, rel=0.01)


def test_import_verify(capsys: pytest.CaptureFixture[str], cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(CONTENT)
    assert run("import", "net", str(source)) == 0
    assert run("verify") == 0 and run("verify", "net") == 0
    assert capsys.readouterr().out.count("verified") == 3
    assert run("verify", "--cache", str(tmp_path / "other"), "net") == 1
    assert run("verify", "--cache", str(tmp_path / "other")) == 0
    assert "no weights are here" in capsys.readouterr().out
    next(cache.rglob("net.bin")).write_bytes(CONTENT[1:])
    assert run("verify") == 1
    assert "it is cut" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch", "net"], "the host cannot be reached"),
        (["fetch", "nett"], "unknown; known: deepspeech"),
        (["import", "net", "nowhere"], "nowhere: no such file"),
        (["import", "net", __file__], "it is cut, or another one; give the published file"),
        (["verify", "net"], "run `difftalker weights fetch net`"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(*arguments) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and message in error and "\n" not in error


def test_pin_of_the_project_counts(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["weights"]["syncnet"] = sha256(b"own")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "own.bin").write_bytes(b"own")
    assert run("import", "syncnet", str(tmp_path / "own.bin")) == 1
    monkeypatch.chdir(tmp_path)
    assert run("import", "syncnet", "own.bin") == 0 and run("verify", "syncnet") == 0
    assert run("fetch", "syncnet") == 0  # is here already
    assert next(cache.rglob("syncnet_v2.model")).read_bytes() == b"own"


def test_fetch_without_names_takes_what_the_params_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("difftalker.cli.weights.fetch", lambda weight, *_: asked.append(weight.name))
    monkeypatch.chdir(tmp_path)
    assert run("fetch") == 1
    assert "params.yaml: no such file" in capsys.readouterr().err
    shutil.copy(ROOT / "presets/demo.yaml", "params.yaml")
    assert run("fetch") == 0
    assert "needs no pretrained weights" in capsys.readouterr().out and asked == []
    Path("params.yaml").write_text(preset_text(ROOT / "presets/paper.yaml"))
    assert run("fetch") == 0
    assert asked == ["deepspeech", "fan2d", "syncnet", "sd15"]
