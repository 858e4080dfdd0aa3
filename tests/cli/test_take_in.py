"""Footage of the inbox becomes a tracked recording, or nothing is added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.cli.add import take_in
from difftalker.errors import UserError
from difftalker.project import INBOX
from tests.footage import write_footage
from tests.pipelines.toy import Toy


def film(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = (8000 * np.sin(np.arange(16_000) * 0.1)).astype(np.int16)
    return write_footage(path, [np.full((64, 64, 3), shade + index, np.uint8) for index in range(25)], sound=tone)


def test_footage_becomes_a_tracked_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/raw").mkdir(parents=True)
    params = (tmp_path / "params.yaml").read_text()
    film(INBOX / "anna/one.mp4", 10)
    assert take_in("anna") == Path("data/raw/anna")
    assert [path.name for path in sorted(Path("data/raw/anna").iterdir())] == ["one.mp4"]
    first = Path("data/raw/anna.dvc").read_text()

    film(INBOX / "anna/two.mp4", 90)
    take_in("anna")
    assert [path.name for path in sorted(Path("data/raw/anna").iterdir())] == ["one.mp4", "two.mp4"]
    second = Path("data/raw/anna.dvc").read_text()
    assert second != first and "nfiles: 2" in second
    assert "up to date" in toy.dvc("status", "data/raw/anna.dvc")

    monkeypatch.setattr("difftalker.cli.add.tracked", None)  # nothing new: nothing is copied or tracked
    take_in("anna")
    assert (tmp_path / "params.yaml").read_text() == params


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("demo", "one.mp4", "synthetic speaker"),
        ("a b", "one.mp4", "letters, digits"),
        ("anna", "notes.txt", "no video"),
        ("anna", "one.mp4", "one.mp4"),
    ],
)
def test_unusable_footage_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (INBOX / name).mkdir(parents=True)
    (INBOX / name / file).write_text("neither video nor sound")
    with pytest.raises(UserError, match=message) as caught:
        take_in(name)
    assert "\n" not in str(caught.value)
    assert not Path("data/raw").exists()
