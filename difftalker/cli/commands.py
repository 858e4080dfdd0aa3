"""Commands whose help shows no type beside options that take no value, and that say so when they are interrupted."""

from __future__ import annotations

from typing import Any

from typer import Abort
from typer.core import TyperCommand, TyperGroup


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
