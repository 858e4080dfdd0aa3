"""Help is there at once, and wrong usage points to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from difftalker.cli import main as main_module
from difftalker.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = ["add", "app", "doctor", "dub", "evaluate", "export", "landmarks", "preset", "verify", "weights"]
HEAVY = {"torch", "diffusers", "transformers", "cv2", "scipy", "av", "dvc"}


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


def test_help_imports_nothing_heavy() -> None:
    """Of all commands, and what the commands that only list do besides."""
    commands = ["--help", *(f"{name} --help" for name in COMMANDS), "weights list", "preset --list"]
    program = f"""
import contextlib, io, sys
from difftalker.cli.main import main
for command in {commands}:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main(command.split())
print(*sorted({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [] and done.stderr == ""


def test_help_of_all_commands_is_that_of_each() -> None:
    """The lines stand beside the names, so that help imports no command; they are those of the commands."""
    assert sorted(main_module.COMMANDS) == COMMANDS
    for name, (_, line) in main_module.COMMANDS.items():
        assert main_module.load_command(name).help.split("\n")[0] == line, name


@pytest.mark.parametrize("arguments", [["--help"], ["--wrong"]])
def test_help_imports_no_command(arguments: list[str]) -> None:
    program = f"""
import contextlib, io, sys
from difftalker.cli.main import main
printed = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
    main({arguments})
print(*sorted({{"numpy", "pydantic", "requests", "difftalker.cli.dub"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["weights", "fetch"]], ids=" ".join)
def test_help_says_what_takes_a_value(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(*command, "--help") == 0
    said = capsys.readouterr().out
    assert " ".join(["Usage: difftalker", *command]) in said
    assert "bool" not in said
    if command == ["dub"]:
        assert "<path>" in said and "--resume" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dub", "--adio", "x"], "--adio (Possible options: --audio, --audio-track, --video); see `difftalker dub"),
        (["dub", "--codec", "x"], "'x' is not one of 'h264', 'lossless'; see `difftalker dub --help`"),
        (["landmarks", "--audio", "x"], "see `difftalker landmarks --help`"),
        (["weights", "fetsh"], "Did you mean 'fetch'?; see `difftalker weights --help`"),
        (["weights", "fetch", "--cahce", "x"], "see `difftalker weights fetch --help`"),
        (["dubb"], "Did you mean 'dub'?; see `difftalker --help`"),
    ],
)  # fmt: skip
def test_wrong_usage_points_to_the_help_of_the_command(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and message in said and said.count("\n") == 1
    assert "Value error" not in said
