"""Entry point of the command `difftalker`.

The modules of the commands import what is heavy, torch first of all, only when a command runs, so that help is there
at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from difftalker.cli.add import add
from difftalker.cli.app import serve_app as browser_app
from difftalker.cli.doctor import doctor
from difftalker.cli.dub import dub
from difftalker.cli.entry import Command, Group, run_command_line
from difftalker.cli.evaluate import evaluate
from difftalker.cli.export import export
from difftalker.cli.landmarks import landmarks
from difftalker.cli.preset import preset
from difftalker.cli.verify import verify
from difftalker.cli.weights import weights_commands as weights

command_line = typer.Typer(
    cls=Group,
    help="Person-specific talking faces. Run it in the project's folder.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (add, doctor, dub, landmarks, export, verify, preset, evaluate):
    command_line.command(cls=Command)(command)
command_line.command("app", cls=Command)(browser_app)
command_line.add_typer(weights, name="weights")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; whatever a user can put right ends in one line and status 1, wrong usage in status 2."""
    run_command_line(command_line, "difftalker", arguments, "interrupted; nothing was changed")


if __name__ == "__main__":
    main()
