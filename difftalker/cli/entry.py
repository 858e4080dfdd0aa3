"""How a command line begins and ends: its help, and one line that says what to do in place of a traceback."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer import Abort
from typer.core import TyperCommand, TyperGroup

from difftalker.errors import explained


class Command(TyperCommand):
    """A command."""

    def invoke(self, ctx: Any) -> Any:
        """Run it; Ctrl-C ends in `typer.Abort`, where Typer itself gives a status without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Abort from None

    def get_params(self, ctx: Any) -> list[Any]:
        """All options and arguments."""
        return _without_type(super().get_params(ctx))


class Group(TyperGroup):
    """A command with commands of its own."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All options."""
        return _without_type(super().get_params(ctx))


def _without_type(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


def run_command_line(app: typer.Typer, program: str, arguments: Sequence[str] | None, interrupted: str) -> NoReturn:
    """Run a command line and exit: with what the command returns, 1 after an error that is the user's or the
    system's, 2 after wrong usage.

    Args:
        app: the commands.
        program: the name that help and errors show.
        arguments: what was typed; None takes the process's own.
        interrupted: what to say after Ctrl-C, with status 130.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what the terminal's encoding lacks must not end the work
    try:
        sys.exit(app(arguments, prog_name=program, standalone_mode=False) or 0)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else program
        reason = error.format_message().replace("Value error, ", "").rstrip(".")
        message, status = f"{reason}; see `{command} --help`", error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        message, status = interrupted, 130
    except Exception as error:
        line = explained(error, program)
        if line is None:
            raise
        message, status = line, 1
    print_error(message)
    sys.exit(status)


def print_error(message: str) -> None:
    """Print an error as one line."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
