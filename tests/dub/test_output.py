"""Outputs that cannot be written, and two films that want one name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from difftalker import TalkingFace
from difftalker.dub.parts_folder import PartsFolder
from difftalker.dub.sound import spool_sound
from difftalker.errors import UserError
from tests.dub.tiny_face import Tiny

Speech = Callable[..., Path]


def test_an_output_that_cannot_be_written_is_named_before_the_work(
    face: TalkingFace, speech: Speech, tmp_path: Path
) -> None:
    sound, file = speech(0.4), tmp_path / "file"
    file.touch()
    for output, reason in (
        (tmp_path / f"{'x' * 240}.mp4", "the name is too long"),
        (file / "out.mp4", "cannot be written"),
        (Path("/proc/out.mp4"), "cannot be written"),
    ):
        with pytest.raises(UserError, match=reason):
            face.dub(sound, output)
    assert list(tmp_path.iterdir()) == [file]


def test_an_input_is_never_replaced(face: TalkingFace, tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(tiny.footage.read_bytes())
    for sound, base in ((speech(0.4), film), (film, None)):
        with pytest.raises(UserError, match=r"film.mp4: is what the film is made from"):
            face.dub(sound, film, base, overwrite=True)
    assert film.read_bytes() == tiny.footage.read_bytes()


def test_a_film_is_made_by_one_process_at_a_time(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    held = PartsFolder(film, {}, resume=False)
    choices: list[dict[str, Any]] = [{}, {"resume": True}, {"overwrite": True}]
    for options in choices:
        with pytest.raises(UserError, match=r"out.mp4: is being made by another process"):
            face.dub(speech(0.4), film, **options)
    with held.removed_on_failure():
        held.remove()
    face.dub(speech(0.4), film)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out.mp4"]


def test_a_pipe_is_no_sound(face: TalkingFace, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UserError, match=r"pipe.wav: is a pipe or a device"):
        face.dub(tmp_path / "pipe.wav", tmp_path / "out.mp4")
    with pytest.raises(UserError, match=r"pipe.wav: is a pipe or a device"):
        spool_sound(tmp_path / "pipe.wav", tmp_path / "spool.wav")
