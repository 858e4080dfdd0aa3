"""`difftalker preset`: params.yaml becomes a preset of `presets/`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from difftalker.cli.size import size_for
from difftalker.config import Params, load_params
from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.presets import BASE, head, preset_text
from difftalker.project import PARAMS, RAW, set_footage
from difftalker.weights.store import path_of
from difftalker.weights.table import needed_weights

PRESETS = Path("presets")


def preset(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A file of presets/, without .yaml.")] = None,
    show: Annotated[bool, typer.Option("--list", help="Explain all presets.")] = False,
    reset_recordings: Annotated[
        bool, typer.Option("--reset-recordings", help="Take the preset's recordings, not those of params.yaml.")
    ] = False,
) -> None:
    """Replace params.yaml by a preset; the recordings stay, and `video.size` is chosen for them."""
    known = {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}
    if not known:
        raise UserError(f"{Path.cwd()}: no {PRESETS}/*.yaml here; run the command in the project's folder")
    if show:
        table = Table("name", "what it is", box=None)
        for each, path in known.items():
            table.add_row(each, explanation(path.read_text(encoding="utf-8")))
        Console().print(table)
        return
    if name not in known:
        problem = "name a preset" if name is None else f"no preset {name!r}"
        raise UserError(f"{problem}; known: {', '.join(known)} (`difftalker preset --list` explains them)")
    text = preset_text(known[name], None if reset_recordings else present_recordings())
    with replacing(PARAMS) as partial:
        partial.write_text(text, encoding="utf-8")
    params = load_params(PARAMS)
    print(f"{PARAMS}: preset {name}, recordings: [{', '.join(params.recordings)}]")
    if lines := fit_size(params):
        print("\n".join(lines))
    print("`dvc params diff` shows what changed against the last commit, `dvc repro` runs it")
    if absent := [weight.name for weight in needed_weights(params) if not path_of(weight).exists()]:
        print(f"pretrained weights that are not here yet: {', '.join(absent)}; run `difftalker weights fetch`")


def present_recordings() -> list[str]:
    """The recordings of params.yaml.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return load_params(PARAMS).recordings
    except UserError as error:
        raise UserError(f"{error}; or give --reset-recordings to replace the file whole") from None


def fit_size(params: Params) -> list[str]:
    """Set `video.size` for the recordings that are here; the demo speaker's is the preset's.

    Returns:
        Lines that say what was chosen.

    Raises:
        UserError: a recording cannot be read.
    """
    from difftalker.media.probe import list_videos, probe

    here = [RAW / name for name in params.recordings if name != "demo" and (RAW / name).is_dir()]
    if not here:
        return []
    least = params.video.size if len(here) < len(params.recordings) else 0
    size, lines = size_for([[probe(path) for path in list_videos(folder)] for folder in here], params, least)
    set_footage(params.recordings, size)
    return lines


def is_demo(params: Params) -> bool:
    """Whether parameters are the demo preset's but for what belongs to the footage."""
    demo = PRESETS / BASE
    return demo.exists() and replace(load_params(demo), recordings=params.recordings, video=params.video) == params


def explanation(text: str) -> str:
    """The comment at the head of a preset, as one paragraph."""
    return " ".join(line.lstrip("# ").rstrip() for line in head(text).splitlines())
