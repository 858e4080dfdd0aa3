"""`difftalker verify`: what a film or an exported face says of itself, and whether that holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from difftalker.errors import UserError


def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A film, or the folder of an exported face.")],
) -> None:
    """Say what a film claims, whether its signature holds and whether it was changed since. Status 1 if it does not."""
    if not path.exists():
        raise UserError(f"{path}: no such file; check the name")
    from difftalker.provenance.verdict import verify_face, verify_film

    verdict = verify_face(path) if path.is_dir() else verify_film(path)
    print("\n".join(verdict.lines))
    raise typer.Exit(not verdict.holds)
