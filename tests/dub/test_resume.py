"""An interrupted film: a playable beginning, and the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from difftalker.dub.parts_folder import PartsFolder
from difftalker.dub.settings import DubSettings, Interrupted
from difftalker.errors import UserError
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import Tiny
from tests.provenance.unsigned import unsigned

ROOT = Path(__file__).parents[2]
SETTINGS = DubSettings(segment=8)
Speech = Callable[..., Path]


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_goes_on_to_the_same_bytes(face: TalkingFace, speech: Speech, tmp_path: Path, suffix: str) -> None:
    whole, broken = tmp_path / f"whole{suffix}", tmp_path / f"broken{suffix}"
    face.dub(speech(0.8), whole, settings=SETTINGS)
    done = 0

    def progress(stage: str, count: int, total: int) -> None:
        nonlocal done
        done = count if stage == "paint" else 0

    with pytest.raises(Interrupted) as stopped:
        face.dub(speech(0.8), broken, settings=SETTINGS, progress=progress, cancel=lambda: done >= 11)
    partial = tmp_path / f"broken.partial{suffix}"
    assert stopped.value.path == partial and not broken.exists()
    assert 11 <= frames(partial) < 20 and frames(partial) == round(stopped.value.seconds * 25)
    with av.open(str(partial)) as container:
        assert container.streams.audio

    again: list[int] = []
    face.dub(
        speech(0.8), broken, settings=SETTINGS, resume=True, progress=lambda stage, count, total: again.append(count)
    )
    assert unsigned(broken) == unsigned(whole)
    assert again[0] == 8  # the first segment was not painted again
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([whole.name, broken.name])


def test_other_settings_are_refused(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(Interrupted):
        face.dub(speech(0.4), out, settings=SETTINGS, cancel=lambda: True)
    with pytest.raises(UserError, match=r"begun with other sound, footage, face or settings"):
        face.dub(speech(0.4), out, settings=DubSettings(segment=8, label=True), resume=True)
    with pytest.raises(UserError, match="was begun and interrupted; give --resume to go on, or --overwrite"):
        face.dub(speech(0.4), out, settings=DubSettings(segment=8, label=True))
    face.dub(speech(0.4), out, settings=DubSettings(segment=8, label=True), overwrite=True)
    assert frames(out) == 10
    with pytest.raises(UserError, match="is finished, there is nothing to go on with"):
        face.dub(speech(0.4), out, settings=DubSettings(segment=8, label=True), resume=True)


@pytest.mark.parametrize("left", [[".lock"], [".lock", ".dub.1.partial.json"], [".lock", "000000.mkv", "sound.wav"]])
def test_parts_without_a_mark_are_begun_anew(
    face: TalkingFace, speech: Speech, tmp_path: Path, left: list[str]
) -> None:
    """Killed before the mark was written, or while the parts of a film that is whole were removed."""
    parts = tmp_path / "out.mp4.parts"
    parts.mkdir()
    for name in left:
        (parts / name).write_text("half")
    face.dub(speech(0.4), tmp_path / "out.mp4", settings=SETTINGS, resume=True)
    assert frames(tmp_path / "out.mp4") == 10 and not parts.exists()


def test_killed_between_the_film_and_its_parts(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    """The film is whole, its parts are still there: --resume removes them and gives the same film."""
    out = tmp_path / "out.mp4"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartsFolder, "remove", lambda self: self._lock.release())
        face.dub(speech(0.4), out, settings=SETTINGS)
    whole = unsigned(out)
    assert (tmp_path / "out.mp4.parts/dub.json").is_file()
    face.dub(speech(0.4), out, settings=SETTINGS, resume=True)
    assert unsigned(out) == whole and [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_folder_in_the_way_is_left_alone(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    mine = tmp_path / "out.mp4.parts" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with pytest.raises(UserError, match="in the way"):
        face.dub(speech(0.4), tmp_path / "out.mp4")
    assert mine.read_text() == "keep"


def test_ctrl_c_on_the_command(tiny: Tiny, speech: Speech, tmp_path: Path) -> None:
    """A real signal to the real command."""
    out = tmp_path / "out.mp4"
    arguments = [
        "dub",
        "--face",
        str(tiny.folder),
        "--video",
        str(tiny.footage),
        "--audio",
        str(speech(30.0)),
        "-o",
        str(out),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "difftalker.cli.main", *arguments],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    parts = tmp_path / "out.mp4.parts"
    until = time.monotonic() + 300
    while not any(parts.glob("*.mkv")) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "out.partial.mp4" in said and "--resume" in said and "Traceback" not in said
    assert 0 < frames(tmp_path / "out.partial.mp4") < 750 and not out.exists()
