"""`difftalker app`: the page in the browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difftalker.face_folder import DESCRIPTION
from difftalker.project import MODELS, describe_face, load_face

if TYPE_CHECKING:
    from difftalker.talking_face import TalkingFace


def serve_app(
    faces: Annotated[
        list[Path] | None,
        typer.Option("--face", help="An exported face, or a folder of such; repeatable. Default: this project's."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to bind to; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to bind to; 0 takes a free one.")] = 7860,
    max_upload: Annotated[int, typer.Option(min=1, help="Largest file that may be uploaded, in MB.")] = 500,
    max_minutes: Annotated[float, typer.Option(min=0.01, help="Longest sound that is taken, in minutes.")] = 10.0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Drive a trained face in the browser: upload or record a sound, see the landmarks, make the video."""
    from difftalker.app.limits import Limits
    from difftalker.app.serve import require_gradio, serve

    require_gradio()
    print("Starting the app ...", file=sys.stderr, flush=True)
    serve(faces_to_offer(faces or [MODELS]), Limits(max_upload, max_minutes), host, port, browser)


def faces_to_offer(paths: Sequence[Path]) -> dict[str, Callable[[], TalkingFace]]:
    """The faces to choose from, by name.

    Args:
        paths: faces, or folders of exported faces.

    Raises:
        UserError: a path holds no face, or a broken one.
    """
    folders: list[Path] = []
    for path in paths:
        inside = sorted(child.parent for child in path.glob(f"*/{DESCRIPTION}")) if path.is_dir() else []
        folders += inside or [path]
    found: dict[str, Callable[[], TalkingFace]] = {}
    for folder in folders:
        name = describe_face(folder).name
        found[name if name not in found else f"{name} ({folder})"] = partial(load_face, folder)
    return found
