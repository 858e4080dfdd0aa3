"""`difftalker doctor` on real files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from difftalker.cli.main import main
from tests.footage import noise, portrait, write_footage

ROOT = Path(__file__).parents[2]
CLIPS = ROOT.parent / "shared/grid_s1/clips"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_info:
        main(["doctor", *arguments])
    return int(exit_info.value.code or 0)


@pytest.mark.skipif(not CLIPS.is_dir(), reason=f"no footage at {CLIPS}")
def test_real_clip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data/raw/grid").mkdir(parents=True)
    shutil.copy(sorted(CLIPS.glob("*.mpg"))[0], folder / "data/raw/grid")
    assert status("grid") == 1  # three seconds are too little
    by_name = capsys.readouterr().out
    assert status(str(folder / "data/raw/grid")) == 1
    assert "3.0 s in 1 file" in by_name and "0 of 75" in by_name and "360x288" in by_name
    assert "training time" in by_name and "1 problem" in by_name
    assert by_name.split("training time")[0] == capsys.readouterr().out.split("training time")[0]


@pytest.mark.parametrize("name", ["nobody", "empty.mp4", "text.mp4", "nothing"])
def test_bad_input_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no film" * 100)
    (folder / "nothing").mkdir()
    assert status(name) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and name in lines[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_absent_gpu_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("device: auto", "device: cuda"))
    write_footage(folder / "anyone.mp4", [portrait()] * 50, sound=noise(2.0))
    assert status("anyone.mp4") == 1
    assert "device = cuda: not present on this machine" in capsys.readouterr().err
