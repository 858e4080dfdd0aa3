from __future__ import annotations

from pathlib import Path

import pytest

from difftalker.doctor.findings import Finding
from difftalker.doctor.pretrained import pretrained
from difftalker.presets import load_preset
from difftalker.weights.needed import needed
from difftalker.weights.store import VARIABLE, path_of

PRESETS = Path(__file__).parents[2] / "presets"


def test_names_what_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert pretrained(load_preset(PRESETS / "demo.yaml")) == []
    params = load_preset(PRESETS / "paper.yaml")
    advice = "run `difftalker weights fetch`"
    text = "not here: deepspeech, fan2d, syncnet, sd15"
    assert pretrained(params) == [Finding("pretrained weights", text, "problem", advice)]
    for weight in needed(params):
        path_of(weight).mkdir(parents=True)
    assert pretrained(params) == [Finding("pretrained weights", "deepspeech, fan2d, syncnet, sd15")]
