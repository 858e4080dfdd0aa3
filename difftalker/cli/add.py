"""`difftalker add`: own footage becomes a recording that the pipeline uses."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from difftalker.cli.preset import is_demo
from difftalker.cli.size import size_for
from difftalker.config import load_params
from difftalker.errors import UserError
from difftalker.project import INBOX, PARAMS, RAW, require_project, set_footage, tracked


def add(
    name: Annotated[str, typer.Option(help="Name of the recording: letters, digits, _ and -.")],
    videos: Annotated[
        list[Path] | None, typer.Argument(metavar="VIDEO...", help="Video files of one speaker, or folders.")
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add to the recording of that name and to the list in params.yaml.")
    ] = False,
    consent: Annotated[
        Path | None,
        typer.Option(
            help="Form of consent, filled in; without VIDEO, for a recording that is there. If it is not "
            "there, an empty one is written."
        ),
    ] = None,
) -> None:
    """Check videos, copy them to data/raw/NAME, track them with DVC; set `recordings` and `video.size`."""
    from difftalker.dataset.recording import add_videos, find_videos
    from difftalker.provenance.consent import read_consent_form

    require_project()
    folder = RAW / name
    if consent is not None:
        read_consent_form(consent)
    if not videos:
        add_consent(name, folder, consent)
        return
    check_name(name, folder, append)
    files = find_videos(videos)
    params = load_params()
    before = params.recordings
    console = Console(stderr=True)
    with Progress(TextColumn("Copying"), BarColumn(), DownloadColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in files))
        with (
            add_videos(files, folder, lambda done: bar.advance(task, done)) as infos,
            tracked(folder),
            recording_consent(consent, folder),
        ):
            after = [*before, *([] if name in before else [name])] if append else [name]
            others = params.video.size if append and set(before) & set(after) else 0
            with console.status("Measuring the face"):
                size, lines = size_for([infos], params, least=others)
            set_footage(after, size)
    seconds = sum(info.duration for info in infos)
    print(f"{folder}: added {len(infos)} file{'s' * (len(infos) > 1)}, {seconds:.1f} s")
    print(f"{PARAMS}: recordings: [{', '.join(before)}] -> [{', '.join(after)}]")
    print("\n".join(lines))
    if is_demo(params):
        print("next: `difftalker preset footage`: the trainings of the present params.yaml are made short for the demo")
    print(f"{'then' if is_demo(params) else 'next'}: `difftalker doctor {name}`, then `dvc repro`")
    print(f"to keep it in git: git add {folder}.dvc params.yaml" + f" {folder}.consent.dvc" * (consent is not None))
    if consent is None:
        print(f"no consent is on record: `difftalker add --name {name} --consent consent.yaml` adds it")


def add_consent(name: str, folder: Path, form: Path | None) -> None:
    """Put the consent to the use of a recording on record, in place of what was there.

    Raises:
        UserError: there is no form, or no such recording.
    """
    if form is None:
        raise UserError("name a video to add, or a form with --consent")
    if not folder.is_dir():
        raise UserError(f"{folder}: no such recording; name the videos to add")
    with recording_consent(form, folder):
        pass
    print(f"{folder}.consent: the consent to the use of {name} is on record")
    print(f"to keep it in git: git add {folder}.consent.dvc")


@contextmanager
def recording_consent(form: Path | None, folder: Path) -> Iterator[None]:
    """Store a form beside a recording and track it with DVC for as long as the body succeeds; None does nothing."""
    from difftalker.provenance.consent import store_consent

    if form is None:
        yield
        return
    with store_consent(form, folder) as stored, tracked(stored):
        yield


def take_in(name: str) -> Path:
    """Copy the videos of an inbox folder to the recording of that name and track it, as `difftalker add` does.

    `recordings` in params.yaml stays as it is: the retraining tries the footage first. Files that the recording has
    already are left out, so that it can be done again after an interruption. Returns the recording's folder. Raises
    `UserError` if the folder's name is no recording's name, or a file is no usable footage; then nothing was added.
    """
    from difftalker.dataset.recording import add_videos, find_videos

    folder = RAW / name
    check_name(name, folder, append=True)
    files = ((path, folder / path.name) for path in find_videos([INBOX / name]))
    new = [path for path, other in files if not (other.is_file() and filecmp.cmp(path, other, shallow=False))]
    if new or not folder.with_name(f"{name}.dvc").exists():
        with add_videos(new, folder), tracked(folder):
            pass
    return folder


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
