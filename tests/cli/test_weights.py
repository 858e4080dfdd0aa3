"""`difftalker weights`: one line for every mistake, nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from difftalker.cli.main import main
from difftalker.weights import table
from difftalker.weights.store import VARIABLE
from tests.weights.serving import CONTENT, single


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["weights", *arguments])
    return int(caught.value.code or 0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.setitem(table.WEIGHTS, "net", single("http://127.0.0.1:9/net.bin"))  # the port discards
    return folder


def test_list(capsys: pytest.CaptureFixture[str], cache: Path) -> None:
    assert run("list") == 0
    out = capsys.readouterr().out
    for name in ("deepspeech", "fan2d", "s3fd", "syncnet", "sd15"):
        assert name in out
    assert str(cache) in out.replace("\n", "")


def test_import_verify(capsys: pytest.CaptureFixture[str], cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(CONTENT)
    assert run("import", "net", str(source)) == 0
    assert run("verify") == 0 and run("verify", "net") == 0
    assert capsys.readouterr().out.count("verified") == 3
    assert run("verify", "--cache", str(tmp_path / "other"), "net") == 1
    next(cache.rglob("net.bin")).write_bytes(CONTENT[1:])
    assert run("verify") == 1
    assert "it is cut" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch", "net"], "the host cannot be reached"),
        (["fetch", "nett"], "unknown; known: deepspeech"),
        (["import", "net", "nowhere"], "nowhere: no such file"),
        (["import", "net", __file__], "it is cut, or another one; give the published file"),
        (["verify", "net"], "run `difftalker weights fetch net`"),
    ],
)
def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert run(*arguments) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and message in error and "\n" not in error
