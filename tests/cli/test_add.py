"""`difftalker add` in a project of its own: all of a recording is taken in, or nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from difftalker import project
from difftalker.cli.main import main
from difftalker.config import load_params
from difftalker.presets import preset_text
from tests.footage import noise, portrait, write_footage

ROOT = Path(__file__).parents[2]
Run = Callable[..., int]


def make_video(path: Path, *, seconds: float = 1.0, shade: int = 100, sound: bool = True) -> Path:
    """A short film of a plain picture with a tone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        tone = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for index in range(round(25 * seconds)):
            image = np.full((64, 64, 3), (shade + index) % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
        if tone is not None:
            wave = np.sin(np.arange(round(16000 * seconds)) * 0.1).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(tone.encode(frame))
            container.mux(tone.encode(None))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project under git and DVC, without recordings, as the working directory."""
    root = tmp_path / "project"
    (root / "data/raw").mkdir(parents=True)
    (root / "presets").mkdir()
    for name in ("params.yaml", "dvc.yaml", ".gitignore", ".dvcignore", "data/raw/dvc.yaml", "presets/demo.yaml"):
        shutil.copy(ROOT / name, root / name)
    monkeypatch.chdir(root)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; gives its status. Whatever it says on failure is one line."""

    def command(*arguments: object) -> int:
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        return int(exit_info.value.code or 0)

    return command


def state(root: Path) -> dict[str, bytes]:
    """All files of the project that a user sees."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", "cache", "tmp"} & set(path.relative_to(root).parts)
    }


def test_add_then_append(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = make_video(tmp_path / "a.mp4"), make_video(tmp_path / "b.mp4", shade=7)
    text = Path("params.yaml").read_text()

    assert run("add", first, "--name", "anna") == 0
    assert Path("data/raw/anna/a.mp4").read_bytes() == first.read_bytes()
    assert Path("data/raw/anna.dvc").is_file()
    assert load_params().recordings == ["anna"]
    assert Path("params.yaml").read_text() == text.replace("recordings: [demo]", "recordings: [anna]")
    output = capsys.readouterr().out
    assert "data/raw/anna.dvc" in output
    assert "next: `difftalker preset footage`" in output, "the demo's trainings are short"

    assert run("add", second, "--name", "anna", "--append") == 0
    assert sorted(path.name for path in Path("data/raw/anna").iterdir()) == ["a.mp4", "b.mp4"]
    assert "nfiles: 2" in Path("data/raw/anna.dvc").read_text()
    assert load_params().recordings == ["anna"]

    assert run("add", make_video(tmp_path / "c.mp4", shade=60), "--name", "ben", "--append") == 0
    assert load_params().recordings == ["anna", "ben"]
    ignored = subprocess.run(["git", "status", "--porcelain", "data"], capture_output=True, text=True, check=True)
    assert "mp4" not in ignored.stdout


def test_folder_of_videos(folder: Path, run: Run, tmp_path: Path) -> None:
    source = tmp_path / "films"
    source.mkdir()
    make_video(source / "a.mp4")
    make_video(source / "b.MOV", shade=9)
    (source / "notes.txt").write_text("not footage")
    assert run("add", source, "--name", "anna") == 0
    assert sorted(path.name for path in Path("data/raw/anna").iterdir()) == ["a.mp4", "b.MOV"]


def refused(folder: Path, run: Run, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must fail: one line, and everything as before."""
    before = state(folder)
    capsys.readouterr()
    assert run(*arguments) in (1, 2)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    assert state(folder) == before
    return lines[0]


@pytest.mark.parametrize("name", ["../up", "a b", "", ".hidden", "-x y", "demo", "ä"])
def test_bad_name(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "--name" in refused(folder, run, capsys, "add", make_video(tmp_path / "a.mp4"), f"--name={name}")


def test_bad_files(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = make_video(tmp_path / "good.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello, I am no film" * 50)
    (tmp_path / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "none").mkdir()
    make_video(tmp_path / "mute.mp4", sound=False)
    for bad in ("missing.mp4", "empty.mp4", "text.mp4", "cut.mp4", "notes.txt", "none", "mute.mp4"):
        line = refused(folder, run, capsys, "add", good, tmp_path / bad, "--name", "anna")
        assert bad in line


def test_a_name_that_is_no_utf8(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = make_video(tmp_path / "a.mp4").rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    assert "rename the file" in refused(folder, run, capsys, "add", film, "--name", "anna")


def test_duplicates(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = make_video(tmp_path / "a.mp4")
    (tmp_path / "other").mkdir()
    make_video(tmp_path / "other/a.mp4", shade=30)
    copy = Path(shutil.copy(first, tmp_path / "copy.mp4"))
    assert "twice" in refused(folder, run, capsys, "add", first, first, "--name", "anna")
    assert "clip 'a'" in refused(folder, run, capsys, "add", first, tmp_path / "other/a.mp4", "--name", "anna")
    assert "same content" in refused(folder, run, capsys, "add", first, copy, "--name", "anna")
    assert run("add", first, "--name", "anna") == 0
    assert "--append" in refused(folder, run, capsys, "add", make_video(tmp_path / "b.mp4", shade=5), "--name", "anna")
    assert "same content" in refused(folder, run, capsys, "add", copy, "--name", "anna", "--append")


def test_failure_after_the_copy(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_video(tmp_path / "a.mp4"), make_video(tmp_path / "b.mp4", shade=7)
    (folder / "data/raw/other.mp4").touch()

    def fail(names: object, size: int) -> None:
        assert Path("data/raw/anna.dvc").exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("difftalker.cli.add.set_footage", fail)
        before = state(folder)
        assert run("add", first, "--name", "anna") == 130
        assert state(folder) == before
    assert run("add", first, "--name", "anna") == 0
    before = state(folder)
    with monkeypatch.context() as patched:
        patched.setattr("difftalker.cli.add.set_footage", fail)
        assert run("add", second, "--name", "anna", "--append") == 130
    assert state(folder) == before


def test_dvc_failure_is_one_line(folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / ".dvc")
    said = refused(folder, run, capsys, "add", make_video(tmp_path / "a.mp4"), "--name", "anna")
    assert "dvc add failed (you are not inside of a DVC repository" in said


def test_outside_a_project(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("add", make_video(tmp_path / "a.mp4"), "--name", "anna") == 1
    assert "project's folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["add"], ["add", "x.mp4"], ["nonsense"], ["doctor"], ["doctor", "a", "--b"]])
def test_wrong_usage(arguments: list[str], run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")


def test_footage_keeps_comments(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "# top\nseed: 0  # why\nrecordings:\n  - demo  # the speaker\n\n"
        "video:\n  size: 128  # px\nlast: {a: 1, b: [2, 3]}\n"
    )
    project.set_footage(["x", "y"], 192, path)
    text = path.read_text()
    assert "# top" in text and "seed: 0  # why" in text and "last: {a: 1, b: [2, 3]}" in text
    assert "  - x" in text and "- y" in text and "- demo" not in text
    assert "  size: 192  # px" in text


def portrait_video(path: Path, factor: float) -> Path:
    """A second of the portrait, enlarged; its face is then about 100 * factor pixels wide."""
    side = round(280 * factor)
    picture = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_CUBIC)
    return write_footage(path, [picture] * 25, sound=noise(1.0))


@pytest.mark.parametrize(
    ("factor", "device", "size", "said"),
    [
        (1.0, "cpu", 128, "a smaller one would blur it"),
        (1.65, "cpu", 192, "video.size: 128 -> 192"),
        (2.4, "cpu", 192, "video.size: 320 in params.yaml all of it"),
        (2.4, "cuda", 256, "shows 9"),
    ],
)
def test_size_follows_the_face(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], factor: float, device: str, size: int,
    said: str,
) -> None:  # fmt: skip
    """Also for a device that this machine has not: the footage may be added where it is not trained."""
    text = Path("params.yaml").read_text().replace("device: auto", f"device: {device}")
    Path("params.yaml").write_text(text)
    assert run("add", portrait_video(tmp_path / "a.mp4", factor), "--name", "anna") == 0
    output = capsys.readouterr().out
    assert load_params().video.size == size, output
    assert said in output
    assert Path("params.yaml").read_text() == text.replace("[demo]", "[anna]").replace("size: 128", f"size: {size}")


def test_size_with_other_recordings_never_falls_and_models_are_mentioned(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", portrait_video(tmp_path / "a.mp4", 1.0), "--name", "anna") == 0
    capsys.readouterr()
    (folder / "data/models/face").mkdir(parents=True)
    assert run("add", portrait_video(tmp_path / "b.mp4", 1.65), "--name", "ben", "--append") == 0
    output = capsys.readouterr().out
    assert load_params().video.size == 192
    assert "trains them anew at 192 pixels; set video.size: 128 to stay" in output
    assert run("add", portrait_video(tmp_path / "c.mp4", 0.9), "--name", "cleo", "--append") == 0
    output = capsys.readouterr().out
    assert load_params().video.size == 192
    assert "kept for the other recordings" in output and "anew" not in output


def test_size_stays_with_an_imported_prior(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").write_text(preset_text(ROOT / "presets/paper.yaml"))
    assert run("add", portrait_video(tmp_path / "a.mp4", 1.0), "--name", "anna") == 0
    output = capsys.readouterr().out
    assert load_params().video.size == 512 and "imported prior" in output
    assert "next: `difftalker doctor anna`" in output, "only the demo's preset needs to be replaced"


FILLED = "person: Anna\ngiven: 2026-11-20\nuse: Her lectures.\nuntil: 2027-12-31\n"


def test_consent_is_stored_with_the_recording(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, form = make_video(tmp_path / "a.mp4"), tmp_path / "consent.yaml"
    before = state(folder)
    assert run("add", video, "--name", "anna", "--consent", form) == 1
    assert "consent.yaml: was not there and is an empty form now" in capsys.readouterr().err
    assert state(folder) == before and form.is_file()

    form.write_text(FILLED)
    assert run("add", video, "--name", "anna", "--consent", form) == 0
    assert Path("data/raw/anna.consent.dvc").is_file() and "anna.consent.dvc" in capsys.readouterr().out
    assert load_params().recordings == ["anna"]
    consents = project.consent_of_recordings(["anna"])
    assert consents is not None and consents[0].person == "Anna"


def test_consent_can_come_later_and_be_renewed(
    folder: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = tmp_path / "consent.yaml"
    form.write_text(FILLED)
    assert run("add", "--name", "anna", "--consent", form) == 1
    assert "data/raw/anna: no such recording; name the videos to add" in capsys.readouterr().err
    assert run("add", "--name", "anna") == 1
    assert "name a video to add, or a form with --consent" in capsys.readouterr().err

    assert run("add", make_video(tmp_path / "a.mp4"), "--name", "anna") == 0
    assert "no consent is on record: `difftalker add --name anna --consent consent.yaml`" in capsys.readouterr().out
    assert project.consent_of_recordings(["anna"]) is None
    tracked = Path("data/raw/anna.dvc").read_text()
    for until in ("2027-12-31", "never"):
        form.write_text(FILLED.replace("2027-12-31", until))
        assert run("add", "--name", "anna", "--consent", form) == 0
        consents = project.consent_of_recordings(["anna"])
        assert consents is not None and (consents[0].until is None) == (until == "never")
    assert Path("data/raw/anna.dvc").read_text() == tracked, "the footage is the same: nothing is trained again"
