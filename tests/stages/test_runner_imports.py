"""What the first stages look for, so that nothing is missing after hours of work."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import constants

from difftalker.weights.store import import_weight
from difftalker.weights.table import weight_named
from stages.runner import run

ROOT = Path(__file__).parents[2]
READS = {"deepspeech": ("audio", "encoder"), "fan2d": ("detector", "name"), "syncnet": ("syncnet", "source")}
VALUES = {"deepspeech": "deepspeech", "fan2d": "fan", "syncnet": "official"}


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path / "cache"))
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return tmp_path / "params.yaml"


@pytest.mark.parametrize("stage", ["check_params", "extract_frames@anna"])
@pytest.mark.parametrize("weight", READS)
def test_missing_weights_stop_the_first_stages(
    params: Path, weight: str, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(params.read_text())
    group, key = READS[weight]
    document[group][key] = VALUES[weight]
    params.write_text(yaml.safe_dump(document))
    with pytest.raises(SystemExit) as ended:
        run(stage, lambda: pytest.fail("the work has begun"))
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert f"weights '{weight}'" in said and f"difftalker weights fetch {weight}" in said and said.count("\n") == 1


@pytest.mark.parametrize("weight", READS)
def test_weights_of_another_network_stop_the_first_stage(
    params: Path, weight: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of one's own passes the check of its hash; what is in it must come out before the training, too."""
    own = tmp_path / "own"
    torch.save(torch.nn.Linear(2, 2).state_dict(), own, _use_new_zipfile_serialization=False)  # no archive
    document = yaml.safe_load(params.read_text())
    group, key = READS[weight]
    document[group][key] = VALUES[weight]
    document["weights"][weight] = f"sha256:{hashlib.sha256(own.read_bytes()).hexdigest()}"
    params.write_text(yaml.safe_dump(document))
    import_weight(weight_named(weight, document["weights"][weight]), own)
    with pytest.raises(SystemExit) as ended:
        run("check_params", lambda: pytest.fail("the work has begun"))
    said = capsys.readouterr().err
    assert ended.value.code == 1 and said.startswith("error: ") and said.count("\n") == 1
    assert str(tmp_path / "cache") in said and "not " in said


def test_an_unreachable_hub_stops_the_first_stage(
    params: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(params.parent / "hub"))
    document = yaml.safe_load(params.read_text())
    document["prior"]["source"] = "huggingface"
    params.write_text(yaml.safe_dump(document))
    with pytest.raises(SystemExit):
        run("check_params", lambda: pytest.fail("the work has begun"))
    said = capsys.readouterr().err
    assert "cannot be fetched from the hub" in said and said.count("error: ") == 1 and "Traceback" not in said


def test_what_is_not_read_need_not_be_there(params: Path) -> None:
    done: list[str] = []
    run("extract_frames@anna", lambda: done.append("work"))
    assert done == ["work"]
