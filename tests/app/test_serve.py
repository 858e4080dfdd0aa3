from __future__ import annotations

import importlib.util
import re
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest

from difftalker.app.limits import Limits
from difftalker.app.serve import INSTALL, is_loopback, serve
from difftalker.cli.main import main
from difftalker.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_port_in_use_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: cannot be used"):
            serve({}, Limits(), "127.0.0.1", port, browser=False)


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_letting_others_in_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, warned: bool
) -> None:
    class Reached(Exception):
        pass

    def stop() -> None:
        raise Reached

    monkeypatch.setattr("difftalker.app.serve._surroundings", stop)  # the server does not start
    with pytest.raises(Reached):
        serve({}, Limits(), host, 0, browser=False)
    assert ("without a password" in capsys.readouterr().err) == warned


def test_without_gradio_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec

    def find(name: str, *rest: Any) -> Any:
        return None if name == "gradio" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(SystemExit) as status:
        main(["app"])
    error = capsys.readouterr().err
    assert status.value.code == 1 and error.count("\n") == 1 and INSTALL in error
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert re.search('"(.+)"', INSTALL)[1] in extras["app"]  # type: ignore[index]
