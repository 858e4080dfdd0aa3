"""Growth with length, and floors: the tables say what they should, and what they run is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.floors import counted, fastest, row
from benchmarks.growth import TINY, Cost, make_project, merged, run, table
from benchmarks.swaying_film import write_speech
from difftalker.config import load_params
from difftalker.media.probe import probe
from difftalker.media.wav import read_wav


def test_growth_is_per_additional_frame() -> None:
    found = table({1000: {"dub": Cost(2.0, 100_000_000)}, 5000: {"dub": Cost(9.0, 104_000_000)}})
    assert found.splitlines()[-1] == "| dub | 2.0 | 100 | 9.0 | 104 | 1.0 kB |"


def test_project_has_footage_and_valid_params(tmp_path: Path) -> None:
    project = tmp_path / "project"
    make_project(project, 30)
    params = load_params(project / "params.yaml")
    assert params.recordings == ["talk"] and params.face.train.steps == TINY["face"]["train"]["steps"]
    assert [path.name for path in (project / "data/raw/talk").iterdir()] == ["film.mp4"]
    assert probe(project / "data/raw/talk/film.mp4").duration == pytest.approx(30 / 25, abs=0.1)


def test_speech_is_longer_than_what_there_is_to_say(tmp_path: Path) -> None:
    write_speech(tmp_path / "speech.wav", 230.0)
    samples = read_wav(tmp_path / "speech.wav")
    assert len(samples) == 230 * 16_000 and samples[-16_000 * 20 :].std() > 100


def test_failure_says_why(tmp_path: Path) -> None:
    assert run(tmp_path, "-c", "bytearray(30_000_000)").peak > 30e6
    with pytest.raises(RuntimeError, match="no such thing"):
        run(tmp_path, "-c", "raise SystemExit('no such thing')")


def test_merged_keeps_what_is_not_changed() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}) == {"a": {"b": 5, "c": 2}, "d": 3}


def test_floor_of_a_product() -> None:
    import torch

    one = torch.rand(64, 32)
    count, seconds = counted(lambda: one @ one.T)
    assert count == 2 * 64 * 32 * 64 and seconds > 0
    assert row("x", 2 * 10**9, 0.5, 10e9) == "| x | 2.00 | 200.0 | 500.0 | 2.5 |"
    assert fastest(lambda: None, 3) < 0.1
