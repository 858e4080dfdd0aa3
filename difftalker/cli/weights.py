"""`difftalker weights`: the pretrained networks that are not part of the package."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from difftalker.cli.entry import Command, Group
from difftalker.config import load_params
from difftalker.project import PARAMS
from difftalker.weights.download import DownloadProgress, fetch
from difftalker.weights.store import cache_folder, import_weight, locate_weight, path_of
from difftalker.weights.table import WEIGHTS, Weight, needed_weights, weight_named

weights_commands = typer.Typer(
    cls=Group,
    help="Pretrained weights: list, fetch, verify, import.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Cache = Annotated[
    Path | None,
    typer.Option("--cache", help="Folder of all weights; else DIFFTALKER_WEIGHTS, else the user's cache folder."),
]


@weights_commands.command("list", cls=Command)
def list_weights(cache: Cache = None) -> None:
    """Show every weight, whether it is here, its size, licence and use."""
    table = Table("name", "here", "size", "licence", "for", box=None)
    for weight in map(_pinned, WEIGHTS):
        here = path_of(weight, cache)
        row = (weight.name, "yes" if here.exists() else "no", _size(weight, here), weight.licence, weight.purpose)
        table.add_row(*row)
    Console().print(table)
    print(f"folder: {cache_folder(cache)}")


@weights_commands.command("fetch", cls=Command)
def fetch_weights(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]")] = None, cache: Cache = None
) -> None:
    """Download weights, verify them and put them into the cache; without names, those that params.yaml needs.

    An interrupted download goes on.
    """
    weights = [_pinned(name) for name in names] if names else needed_weights(load_params(PARAMS))
    if not weights:
        print(f"{PARAMS}: needs no pretrained weights")
    for weight in weights:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            path = fetch(weight, cache, _shown(bar))
        print(f"{weight.name}: {path}, verified")


@weights_commands.command("verify", cls=Command)
def verify_weights(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]")] = None, cache: Cache = None
) -> None:
    """Read weights whole and compare their hashes; without names, all that are here."""
    weights = [_pinned(name) for name in names or WEIGHTS]
    present = [weight for weight in weights if names or path_of(weight, cache).exists()]
    for weight in present:
        print(f"{weight.name}: {locate_weight(weight, cache)}, verified")
    if not present:
        print(f"no weights are here (folder: {cache_folder(cache)}); `difftalker weights fetch` brings them")


@weights_commands.command("import", cls=Command)
def import_weights(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file, its zip archive, or the folder.")],
    cache: Cache = None,
) -> None:
    """Take over weights that were fetched by hand: verify them and copy them into the cache."""
    print(f"{name}: {import_weight(_pinned(name), path, cache)}, verified")


def _size(weight: Weight, here: Path) -> str:
    """Megabytes: on the disk, or as published, or about those of its numbers."""
    if here.exists():
        found = [here] if here.is_file() else [path for path in here.rglob("*") if path.is_file()]
        return f"{sum(path.stat().st_size for path in found) / 1e6:.0f} MB"
    published = [file.size for file in weight.files if file.size is not None]
    if published:
        return f"{sum(published) / 1e6:.0f} MB"
    return f"about {weight.about / 1e6:.0f} MB" if weight.about else "that of your file"


def _pinned(name: str) -> Weight:
    """The weight of that name, as params.yaml pins it when the command is run in a project."""
    pins = asdict(load_params(PARAMS).weights) if PARAMS.is_file() else {}
    return weight_named(name, pins.get(name))


def _shown(bar: Progress) -> DownloadProgress:
    """Shows one line for each file of a download."""
    tasks: dict[str, TaskID] = {}

    def report(file: str, done: int, total: int | None) -> None:
        if file not in tasks:
            tasks[file] = bar.add_task(file)
        bar.update(tasks[file], completed=done, total=total)

    return report
