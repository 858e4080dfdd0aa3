"""What the system refuses, in the words of this program, whichever library it was that asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import typer
from safetensors.torch import save_file

from difftalker.cli.entry import run_command_line
from difftalker.errors import UserError, explained, no_room
from difftalker.media.encode import write_video
from difftalker.tables import write_table
from difftalker.training.checkpoint import save_checkpoint
from tests.disk import largest_file


def checkpoint(path: Path) -> None:
    save_checkpoint(path, {"model": {"weight": torch.rand(3000)}})


def weights(path: Path) -> None:
    save_file({"weight": torch.rand(3000)}, path)


def table(path: Path) -> None:
    write_table(path, pa.table({"value": np.random.default_rng(0).normal(size=3000)}))


def film(path: Path) -> None:
    rng = np.random.default_rng(0)
    write_video(path, (rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(30)), 25.0)


def text(path: Path) -> None:
    path.write_text("word " * 3000)


@pytest.mark.parametrize("write", [checkpoint, weights, table, film, text])
def test_a_full_disk_is_understood_from_every_library(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / ("film.mp4" if write is film else "output")
    with largest_file(2000), pytest.raises(Exception) as caught:
        write(path)
    assert no_room(caught.value) == "the file is larger than the disk or the system allows"
    line = explained(caught.value, "somewhere")
    assert line and line.endswith("make room, then repeat the command") and "\n" not in line
    write(path)
    assert path.stat().st_size > 2000


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "a.bin: the disk is full; make room"),
        (errno.EDQUOT, "a.bin: the disk quota is used up; make room"),
        (errno.EACCES, "a.bin: this user has no permission"),
        (errno.EROFS, "a.bin: lies on a disk that is read-only"),
        (errno.EIO, "a.bin: the disk fails"),
        (errno.EMFILE, "a.bin: too many open files"),
    ],
)
def test_the_file_is_named(number: int, said: str) -> None:
    assert (explained(OSError(number, os.strerror(number), "a.bin"), "stage x") or "").startswith(said)


def test_the_users_own_mistakes_are_told_as_they_are() -> None:
    assert (
        explained(UserError("a.mp4: no such file; check the name"), "stage x") == "a.mp4: no such file; check the name"
    )


def test_without_a_file_the_work_is_named() -> None:
    assert explained(PermissionError(errno.EACCES, "Permission denied"), "difftalker") == (
        "difftalker: this user has no permission; change it"
    )


@pytest.mark.parametrize("error", [ValueError("28 apples"), KeyError("x"), FileNotFoundError(2, "none", "a")])
def test_what_is_no_refusal_stays_an_error(error: Exception) -> None:
    assert explained(error, "stage x") is None


def test_a_command_ends_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def command() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "film.mp4")

    with pytest.raises(SystemExit) as caught:
        run_command_line(app, "difftalker", [], "interrupted")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: film.mp4: the disk is full; make room, then repeat the command\n"
