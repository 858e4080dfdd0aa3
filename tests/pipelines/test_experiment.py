"""Overrides are DVC's, checked before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from difftalker.errors import UserError
from pipelines.experiment import overridden
from tests.project import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def test_applied_as_dvc_does(folder: Path) -> None:
    before = (folder / "params.yaml").read_bytes()
    params = overridden(folder, ["face.train.steps=7", "recordings=[anna,ben]", "landmarks.audio_fusion=bm"])
    assert params["face"]["train"]["steps"] == 7 and params["recordings"] == ["anna", "ben"]
    assert params["landmarks"]["audio_fusion"] == "bm" and params["seed"] == 0
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
