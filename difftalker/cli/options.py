"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Audio = Annotated[Path, typer.Option(help="Speech: any sound or video file.")]
Video = Annotated[Path | None, typer.Option(help="Base footage; by default the face's own.")]
Face = Annotated[Path, typer.Option(help="Exported face, or this project's models.")]
Track = Annotated[int | None, typer.Option(min=1, help="Which of several faces, counted from the left.")]
MouthGain = Annotated[float, typer.Option(min=0.0, max=3.0, help="Factor of the gap between the lips.")]
Smoothing = Annotated[float, typer.Option(min=0.0, max=1.0, help="Smoothing of the mouth's motion, seconds.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
SignKey = Annotated[Path | None, typer.Option(help="Private key to sign with, PEM; by default, one's own.")]
SignCert = Annotated[Path | None, typer.Option(help="Its certificate, PEM, with those that confirm it.")]
NoSign = Annotated[bool, typer.Option("--no-sign", help="Leave it without a signature.")]
