"""`difftalker dub` and `difftalker landmarks`: what is refused before the seconds that loading takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.cli.main import main
from difftalker.dub.parts_folder import PartsFolder
from difftalker.media.wav import write_wav


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that is no project, with a sound."""
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "speech.wav", [np.zeros(1600, np.int16)])
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a refused command."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert not printed.out
    return printed.err


@pytest.mark.parametrize("command", ["dub", "landmarks"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--audio", "no.wav", "-o", "x.mp4"], "no.wav: no such file; check the name"),
        (["--audio", ".", "-o", "x.mp4"], ".: is a directory; check the name"),
        (["--audio", "speech.wav", "--video", "no.mp4", "-o", "x.mp4"], "no.mp4: no such file; check the name"),
        (["--audio", "speech.wav", "--landmarks", "no.parquet", "-o", "x.mp4"], "no.parquet: no such file"),
        (["--audio", "speech.wav", "-o", "x.gif"], "x.gif: name the output .mp4"),
        (["--audio", "speech.wav", "-o", "speech.wav.mp4"], "speech.wav.mp4: exists; choose another name or give"),
        (["--audio", "text.mp4", "-o", "x.mp4"], "text.mp4: not a readable sound file"),
        (["--audio", "speech.wav", "--audio-track", "2", "-o", "x.mp4"], "speech.wav: has no sound track 2"),
        (["--audio", "speech.wav", "--video", "text.mp4", "-o", "x.mp4"], "text.mp4: not a readable video"),
        (["--audio", "speech.wav", "--video", "speech.wav", "-o", "x.mp4"], "speech.wav: holds no video"),
    ],
)
def test_files_come_before_the_face(
    capsys: pytest.CaptureFixture[str], command: str, arguments: list[str], message: str
) -> None:
    Path("speech.wav.mp4").touch()
    Path("text.mp4").write_text("no film")
    found = said(capsys, command, *arguments)
    assert found.startswith(f"error: {message}") and found.count("\n") == 1, "neither the face nor the project is named"


def test_a_table_of_another_suffix_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "landmarks", "--audio", "speech.wav", "-o", "x.mp4", "--parquet", "points.csv")
    assert found == "error: points.csv: name the table of landmarks .parquet\n"


@pytest.mark.parametrize("command", ["dub", "landmarks"])
def test_loading_is_announced(capsys: pytest.CaptureFixture[str], command: str) -> None:
    first, second = said(capsys, command, "--audio", "speech.wav", "-o", "x.mp4").splitlines()
    assert first == "Loading the face ..." and second.startswith("error: data/models: no trained face here")


@pytest.mark.parametrize("command", ["dub", "landmarks"])
def test_ctrl_c_while_loading_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, folder: Path
) -> None:
    def interrupted(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"difftalker.cli.{command}.load_face_with_notice", interrupted)
    before = sorted(folder.iterdir())
    with pytest.raises(SystemExit) as caught:
        main([command, "--audio", "speech.wav", "-o", "x.mp4"])
    assert caught.value.code == 130 and sorted(folder.iterdir()) == before
    assert capsys.readouterr().err == "error: interrupted; nothing was changed\n"


def test_an_existing_table_is_not_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    Path("points.parquet").touch()
    message = said(capsys, "landmarks", "--audio", "speech.wav", "-o", "x.mp4", "--parquet", "points.parquet")
    assert message.startswith("error: points.parquet: exists")


def test_an_interrupted_film_is_not_silently_begun_anew(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    work = PartsFolder(folder / "x.mp4", {}, False)
    with work.removed_on_failure():
        work.segment(0).touch()
    message = said(capsys, "dub", "--audio", "speech.wav", "-o", "x.mp4")
    assert message == "error: x.mp4: was begun and interrupted; give --resume to go on, or --overwrite to start over\n"
    assert work.segment(0).exists()
    for option in ("--resume", "--overwrite"):
        assert said(capsys, "dub", "--audio", "speech.wav", "-o", "x.mp4", option).startswith("Loading the face ...\n")


def test_nothing_to_resume_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.mp4").touch()
    message = said(capsys, "dub", "--audio", "speech.wav", "-o", "x.mp4", "--resume")
    assert message == "error: x.mp4: is finished, there is nothing to go on with; --overwrite makes it anew\n"
