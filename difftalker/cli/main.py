"""Entry point of the command `difftalker`.

A command's module is imported when the command is called; its one line of help stands here. So help, and what a wrong
option is told, are there at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import typer

from difftalker.cli.entry import Command, Group, run_command_line

# Name: module and function, the first line of its help.
COMMANDS = {
    "add": (
        "add:add",
        "Check videos, copy them to data/raw/NAME, track them with DVC; set `recordings` and `video.size`.",
    ),
    "doctor": (
        "doctor:doctor",
        "Measure footage and say what is good, doubtful or wrong with it. Status 1 if something is wrong.",
    ),
    "dub": (
        "dub:dub",
        "Let a trained face say what AUDIO says, in the full pictures of its footage or of VIDEO.",
    ),
    "landmarks": (
        "landmarks:landmarks",
        "Complete the landmarks for AUDIO and show them over the footage, with the sound, before anything is painted.",
    ),
    "export": (
        "export:export",
        "Pack a trained face, with a model card, so that it works on another machine without this project's data.",
    ),
    "verify": (
        "verify:verify",
        "Say what a film claims, whether its signature holds and whether it was changed since. Status 1 "
        "if it does not.",
    ),
    "preset": (
        "preset:preset",
        "Replace params.yaml by a preset; the recordings stay, and `video.size` is chosen for them.",
    ),
    "evaluate": (
        "evaluate:evaluate",
        "Compute every metric of the pipeline for films of any system, under one protocol. Works without a project.",
    ),
    "app": (
        "app:serve_app",
        "Drive a trained face in the browser: upload or record a sound, see the landmarks, make the video.",
    ),
    "weights": (
        "weights:weights_commands",
        "Pretrained weights: list, fetch, verify, import.",
    ),
}


class _LateCommands(Group):
    """A group that knows its commands' names, and each command when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: Command(name, help=line) for name, (_, line) in COMMANDS.items()}  # what help shows

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, which is called with the rest of the arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and found else found, rest


def load_command(name: str) -> Any:
    """Import a command of `COMMANDS`."""
    module, function = COMMANDS[name][0].split(":")
    found = getattr(importlib.import_module(f"difftalker.cli.{module}"), function)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name, cls=Command)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = name
    return command


command_line = typer.Typer(
    cls=_LateCommands,
    help="Person-specific talking faces. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@command_line.callback()
def _group() -> None:
    """Makes it a group although no command is registered."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; whatever a user can put right ends in one line and status 1, wrong usage in status 2."""
    run_command_line(command_line, "difftalker", arguments, "interrupted; nothing was changed")


if __name__ == "__main__":
    main()
