"""Outputs that are whole or absent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from difftalker.errors import UserError
from difftalker.files import check_room, replacing
from tests.disk import largest_file


@pytest.fixture
def shared() -> Iterator[None]:
    """A umask that lets others read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("shared")
def test_others_may_read_weights(tmp_path: Path) -> None:
    """safetensors writes files that only their owner may read."""
    with replacing(tmp_path / "model") as folder:
        folder.mkdir()
        save_file({"a": torch.zeros(1)}, folder / "model.safetensors")
    with replacing(tmp_path / "one.safetensors") as file:
        save_file({"a": torch.zeros(1)}, file)
    found = [tmp_path / "model/model.safetensors", tmp_path / "one.safetensors"]
    assert [file.stat().st_mode & 0o777 for file in found] == [0o644, 0o644]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["model", "model.safetensors", "one.safetensors"]


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("before")
    with pytest.raises(RuntimeError), replacing(tmp_path / "table") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert (tmp_path / "table").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_a_full_disk_names_the_output(tmp_path: Path) -> None:
    with (
        largest_file(100),
        pytest.raises(OSError, match=r"File too large: '.*/table'") as caught,
        replacing(tmp_path / "table") as partial,
    ):
        partial.write_text("row " * 100)
    assert caught.value.filename == str(tmp_path / "table") and not list(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"^words alone$"), replacing(tmp_path / "table"):
        raise OSError("words alone")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """And nothing else: another process may be writing the same output, and names may look alike."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    alive, dead = os.getppid(), ended.pid
    names = [f".film[1].{alive}.partial.mp4", f".film[1].{dead}.partial.mp4", f".film1.{dead}.partial.mp4"]
    for name in [*names, f".film[1].{dead}.partial.mkv", ".film[1].x.partial.mp4"]:
        (tmp_path / name).write_text("half")
    (tmp_path / f"..film[1].{dead}.partial.{dead}.partial.mp4").write_text("half")
    (tmp_path / f".model.{dead}.partial").mkdir()
    with replacing(tmp_path / "film[1].mp4") as partial:
        partial.write_text("whole")
    with replacing(tmp_path / "model") as partial:
        partial.mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["film[1].mp4", "model", names[0], names[2], f".film[1].{dead}.partial.mkv", ".film[1].x.partial.mp4"]
    )


def test_what_has_no_room_is_not_begun(tmp_path: Path) -> None:
    out = tmp_path / "not/yet/there"
    check_room(out, shutil.disk_usage(tmp_path).free // 2)
    with pytest.raises(UserError, match=r"there: takes \d+ MiB, of which the disk has \d+; make room, or choose"):
        check_room(out, 2 * shutil.disk_usage(tmp_path).total)
