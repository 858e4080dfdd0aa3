"""What every command has around it."""

from __future__ import annotations

import io
import sys

import pytest
import typer
from rich.console import Console

from difftalker.cli.entry import run_command_line


def test_a_terminal_that_lacks_characters_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()

    @app.command()
    def show() -> None:
        Console().print("PSNR ↑")
        print("done")

    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="latin-1"))
    with pytest.raises(SystemExit) as caught:
        run_command_line(app, "show", [], "interrupted")
    sys.stdout.flush()
    assert not caught.value.code and shown.getvalue().decode("latin-1").split("\n")[:2] == ["PSNR ?", "done"]
