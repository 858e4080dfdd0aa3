"""A damaged file in DVC's cache: found, removed, made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.__main__ import main
from pipelines.cache_check import check_cache
from tests.pipelines.toy import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    toy = Toy(tmp_path)
    toy.dvc("config", "cache.type", "hardlink")  # as in this project, where links can be had
    toy.dvc("repro", "--quiet")
    return toy


def damage(path: Path) -> None:
    """Change a byte in place, as a disk would: size, mode and links stay."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(mode)


def test_a_whole_cache_stays(toy: Toy) -> None:
    before = sorted(toy.root.rglob("*"))
    count, removed = check_cache(toy.root)
    assert count > 3 and not removed
    assert [path for path in before if not path.exists()] == []


def test_a_damaged_output_is_made_anew(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    output = toy.root / "one.txt"
    expected = output.read_bytes()
    cached = [path for path in (toy.root / ".dvc/cache").rglob("*") if path.is_file()]
    damaged = next(path for path in cached if path.samefile(output))
    damage(damaged)
    output.unlink()
    toy.dvc("checkout", "--force")
    assert output.read_bytes() != expected, "DVC alone does not notice"

    monkeypatch.chdir(toy.root)
    with pytest.raises(SystemExit) as ended:
        main(["check-cache"])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert f"{damaged}: damaged, removed" in said and said.count("removed") == 2 and "dvc repro" in said
    assert not output.exists(), "the workspace had the same damaged file"
    toy.dvc("repro")
    assert output.read_bytes() == expected
    assert not check_cache(toy.root)[1]
