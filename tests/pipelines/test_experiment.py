"""Overrides are DVC's, checked before any work; grids become named combinations."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from difftalker.errors import UserError
from pipelines.experiment import overridden
from pipelines.study import combinations
from tests.project import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def test_applied_as_dvc_does(folder: Path) -> None:
    before = (folder / "params.yaml").read_bytes()
    params = overridden(folder, ["face.train.steps=7", "recordings=[anna,ben]", "landmarks.audio_path=bm"])
    assert params["face"]["train"]["steps"] == 7 and params["recordings"] == ["anna", "ben"]
    assert params["landmarks"]["audio_path"] == "bm" and params["seed"] == 0
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("face.train.steps=0", "face.train.steps = 0"),
        ("face.train.stebs=5", "face.train.stebs"),
        ("face.train.steps", "face.train.steps"),
        ("recordings=[]", "recordings"),
        ("", "overrides"),
    ],
)
def test_wrong_ones_are_one_line(folder: Path, override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        overridden(folder, [override])
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_combinations() -> None:
    found = combinations({"face.train.steps": [100, 200], "landmarks.audio_path": ["am", "bm", "none"]})
    assert len(found) == 6
    assert found["steps-100-audio_path-bm"] == ["face.train.steps=100", "landmarks.audio_path=bm"]
    assert len({tuple(overrides) for overrides in found.values()}) == 6
    with pytest.raises(UserError, match=r"face\.train\.steps has no values"):
        combinations({"face.train.steps": []})
    with pytest.raises(UserError, match="called steps-1"):
        combinations({"face.train.steps": [1, 1]})
