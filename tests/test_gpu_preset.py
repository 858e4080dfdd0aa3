"""The preset gpu through the whole graph, on the CPU: its sizes, two steps of each training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from difftalker.presets import preset_text
from tests.project import ROOT, Project, merge

pytestmark = pytest.mark.slow


def test_gpu_preset(tmp_path: Path) -> None:
    project = Project(tmp_path)
    params = yaml.safe_load(preset_text(ROOT / "presets/gpu.yaml"))
    short = {"train": {"steps": 2, "batch_size": 2}}
    few = {"prior": {"unet": short}, "landmarks": short, "face": short, "syncnet": short}
    merge(params, few | {"device": "cpu", "demo": {"seconds": 4.0}, "split": {"test_fraction": 0.3}})
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    project.repro()
    metrics = json.loads((project.root / "data/results/metrics.json").read_text())
    assert metrics["psnr"] > 5
    assert json.loads((project.root / "data/models/prior/unet/config.json").read_text())["sample_size"] == 32
