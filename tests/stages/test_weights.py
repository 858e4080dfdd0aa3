"""Pretrained weights in the graph: a stage takes the file that params.yaml pins, and another pin makes it stale."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from dvc.repo import Repo

from difftalker.audio.deepspeech.graph import read_tensorflow_graph
from difftalker.errors import UserError
from difftalker.media.wav import write_wav
from difftalker.tables import GEOMETRY_SCHEMA, TableWriter, read_table, tensor_column
from difftalker.weights.store import WEIGHTS_VARIABLE, import_weight
from difftalker.weights.table import weight_named
from stages.extract_audio import main

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "tests/audio/deepspeech_small.pb"
FRAMES, OUT = Path("data/interim/frames/anna"), Path("data/interim/audio/anna.parquet")


@pytest.fixture(autouse=True)
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory: a project of one extracted clip and the stage extract_audio, with DeepSpeech."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "weights"))
    (FRAMES / "audio").mkdir(parents=True)
    write_wav(FRAMES / "audio/a.wav", [np.random.default_rng(0).integers(-5000, 5000, 6400).astype(np.int16)])
    with TableWriter(FRAMES / "geometry.parquet", GEOMETRY_SCHEMA) as writer:
        for frame in range(10):
            size = {"source_width": 10, "source_height": 10}
            place = {"transform": np.eye(2, 3).reshape(-1), "region": np.array([32, 32, 60, 0], np.float32)}
            writer.write(clip="a", frame=frame, time=frame / 25, valid=True, **size, **place)


def run() -> np.ndarray:
    main(argparse.Namespace(frames=FRAMES, out=OUT))
    return tensor_column(read_table(OUT), "features")


def set_pin(pin: str | None = None) -> None:
    params: dict[str, Any] = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
    params |= {"recordings": ["anna"], "device": "cpu", "audio": {"encoder": "deepspeech"}}
    if pin is not None:
        params["weights"]["deepspeech"] = pin
    Path("params.yaml").write_text(yaml.safe_dump(params))


def import_own(content: bytes) -> str:
    """Import a graph of one's own; returns its pin."""
    pin = f"sha256:{hashlib.sha256(content).hexdigest()}"
    source = Path("own.pb")
    source.write_bytes(content)
    import_weight(weight_named("deepspeech", pin), source)
    return pin


def test_missing_weights_stop_the_stage_before_it_reads_anything() -> None:
    set_pin()
    (FRAMES / "geometry.parquet").unlink()
    with pytest.raises(UserError, match=r"weights 'deepspeech': .*difftalker weights import deepspeech PATH"):
        run()


@pytest.mark.parametrize("content", [SMALL.read_bytes()[:-100], SMALL.read_bytes()[:-1] + b"\0"], ids=["cut", "other"])
def test_damaged_file_stops_the_stage(content: bytes) -> None:
    set_pin(import_own(SMALL.read_bytes()))
    next(Path("weights").rglob("*.pb")).write_bytes(content)
    with pytest.raises(UserError, match="it is damaged, or another one"):
        run()
    assert not OUT.exists()


def test_another_pin_makes_the_stage_stale() -> None:
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["extract_audio"]
    stage["deps"] = [path for path in stage["deps"] if path.startswith("data/")]
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"extract_audio": stage}}))
    first = import_own(SMALL.read_bytes())
    bias = read_tensorflow_graph(SMALL).constants["b6"]
    second = import_own(SMALL.read_bytes().replace(bias.tobytes(), (bias + 1).tobytes()))
    set_pin(first)
    features = run()
    assert features.shape == (10, 16, 29) and np.ptp(features) > 0.1
    with Repo.init(".", no_scm=True) as repo:
        repo.commit(force=True)
        assert repo.status() == {}
        set_pin(second)
        assert list(repo.status()) == ["extract_audio@anna"]
        assert "weights.deepspeech" in str(repo.status())
    np.testing.assert_allclose(run()[4], features[4] + 1, atol=1e-5)
