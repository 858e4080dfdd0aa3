"""A few damaged inputs of every kind (`make fuzz` has thousands), and that whole ones are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import Reader, prepare
from tests.fuzz.worker import outcome

INPUTS = 12
SILENT = {"sizes.ts"}  # no sound in it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    with Reader(folder) as found:
        yield found


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_input_is_read_or_refused(kind: str, folder: Path, reader: Reader) -> None:
    prepare(kind, folder)
    whole = folder / kind
    for path in [whole / "face"] if kind == "face" else sorted(whole.iterdir()):
        if kind in ("footage", "base") and path.suffix in (".wav", ".mp3", ".flac", ".ogg"):
            continue  # no picture
        if path.name not in SILENT:
            KINDS[kind].read(path)
    ends = {seed: reader.read(kind, seed) for seed in range(INPUTS)}
    assert set(ends.values()) <= {"read", "refused"}, ends
    assert "refused" in ends.values()


def test_a_defect_is_seen(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError

    kind = KINDS["list"]
    (tmp_path / "list.csv").write_text("audio\na.wav\n")
    monkeypatch.setitem(KINDS, "list", type(kind)(kind.prepare, kind.damage, broken, kind.share))
    assert "ZeroDivisionError" in outcome("list", tmp_path, folder, 0)
