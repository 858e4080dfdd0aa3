"""`difftalker add`: own footage becomes a recording that the pipeline uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from difftalker.config import load_params
from difftalker.errors import UserError
from difftalker.project import RAW, require_project, set_recordings, tracked


def add(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files of one speaker, or folders.")],
    name: Annotated[str, typer.Option(help="Name of the recording: letters, digits, _ and -.")],
    append: Annotated[
        bool, typer.Option("--append", help="Add to the recording of that name and to the list in params.yaml.")
    ] = False,
) -> None:
    """Check videos, copy them to data/raw/NAME, track them with DVC and set `recordings` in params.yaml."""
    from difftalker.recording import adding, gather

    require_project()
    folder = RAW / name
    check_name(name, folder, append)
    files = gather(videos)
    params = load_params()
    before = params.recordings
    console = Console(stderr=True)
    with Progress(TextColumn("Copying"), BarColumn(), DownloadColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in files))
        with adding(files, folder, lambda done: bar.advance(task, done)) as infos, tracked(folder):
            after = [*before, *([] if name in before else [name])] if append else [name]
            set_recordings(after)
    seconds = sum(info.duration for info in infos)
    print(f"{folder}: added {len(infos)} file{'s' * (len(infos) > 1)}, {seconds:.1f} s")
    print(f"params.yaml: recordings: [{', '.join(before)}] -> [{', '.join(after)}]")
    if params.prior.source == "bundled":
        print("next: `difftalker preset footage`: the prior of the present params.yaml knows the demo speaker alone")
    print(f"{'then' if params.prior.source == 'bundled' else 'next'}: `difftalker doctor {name}`, then `dvc repro`")
    print(f"to keep it in git: git add {folder}.dvc params.yaml")


def check_name(name: str, folder: Path, append: bool) -> None:
    """Refuse what cannot be, or already is, a recording's name.

    Raises:
        UserError: the name has other characters, belongs to the demo speaker, is taken, or its files are not here.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise UserError(f"--name {name!r}: use letters, digits, _ and -, a letter or digit first")
    if name == "demo":
        raise UserError("--name demo: is the synthetic speaker's recording; choose another name")
    known = folder.with_name(f"{name}.dvc").exists()
    if known and not folder.exists():
        raise UserError(f"{folder}: is tracked but not here; run `dvc checkout {folder}.dvc` first")
    if not append and (known or folder.exists()):
        raise UserError(f"{folder}: exists; choose another name, or give --append to add files to it")
