"""How a command line ends: in one line that says what to do, never in a traceback for a user's mistake."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from difftalker.errors import UserError


def run(app: typer.Typer, program: str, arguments: Sequence[str] | None, interrupted: str) -> NoReturn:
    """Run a command line and exit: with what the command returns, 1 after a `UserError`, 2 after wrong usage.

    Args:
        app: the commands.
        program: the name that help and errors show.
        arguments: what was typed; None takes the process's own.
        interrupted: what to say after Ctrl-C, with status 130.
    """
    try:
        sys.exit(app(arguments, prog_name=program, standalone_mode=False) or 0)
    except UserError as error:
        message, status = str(error), 1
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else program
        reason = error.format_message().replace("Value error, ", "").rstrip(".")
        message, status = f"{reason}; see `{command} --help`", error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        message, status = interrupted, 130
    complain(message)
    sys.exit(status)


def complain(message: str) -> None:
    """Print an error as one line."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
