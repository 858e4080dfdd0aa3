"""The published sync expert through the stage: found by its pinned hash, converted, without a training."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch
import yaml

from difftalker.compute.device import seeded
from difftalker.config import parse_params
from difftalker.errors import UserError
from difftalker.sync.experts import load_sync_expert
from difftalker.sync.official import OfficialSyncNet
from difftalker.weights.store import import_weight
from difftalker.weights.table import Weight, weight_named
from stages import build_syncnet

ROOT = Path(__file__).parents[2]
PUBLISHED = {"lips": "netcnnlip", "lip_head": "netfclip", "sound": "netcnnaud", "sound_head": "netfcaud"}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A file of the published format with random weights."""
    with seeded(0):
        state = OfficialSyncNet().state_dict()
    names = {name: ".".join([PUBLISHED[name.split(".", 1)[0]], name.split(".", 1)[1]]) for name in state}
    path = tmp_path / "syncnet_v2.model"
    torch.save({names[name]: value for name, value in state.items()}, path)
    return path


@pytest.fixture
def project(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["syncnet"] |= {"source": "official", "crop": "face_track"}
    params["weights"]["syncnet"] = "sha256:" + hashlib.sha256(published.read_bytes()).hexdigest()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path / "cache"))
    arguments = ["--dataset", "none.parquet", "--frames", "none", "--out", "syncnet", "--loss", "loss.csv"]
    monkeypatch.setattr(sys, "argv", ["build_syncnet", *arguments])
    return tmp_path


def pinned(project: Path) -> Weight:
    return weight_named("syncnet", yaml.safe_load((project / "params.yaml").read_text())["weights"]["syncnet"])


def test_the_published_expert_is_converted(project: Path, published: Path) -> None:
    import_weight(pinned(project), published)
    build_syncnet.main()
    expert = load_sync_expert(project / "syncnet")
    assert isinstance(expert, OfficialSyncNet)
    with seeded(0):
        drawn = OfficialSyncNet().lips[0].weight
    assert torch.equal(expert.lips[0].weight, drawn)
    assert (project / "loss.csv").read_text() == "network,step,loss\n"


def test_missing_and_tampered_weights_stop_the_stage_at_once(project: Path, published: Path) -> None:
    with pytest.raises(UserError, match=r"weights 'syncnet'.*is not there"):
        build_syncnet.main()
    path = import_weight(pinned(project), published)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"weights 'syncnet'.*damaged"):
        build_syncnet.main()
    assert not (project / "syncnet").exists()


@pytest.mark.parametrize(("group", "key", "value"), [("syncnet", "crop", "lrs"), ("video", "fps", 30.0)])
def test_settings_that_do_not_fit_the_expert(group: str, key: str, value: object) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["syncnet"]["source"] = "official" if group == "video" else "train"
    params[group][key] = value
    with pytest.raises(UserError, match=r"crop 'pipeline'|needs video\.fps 25"):
        parse_params(params)
