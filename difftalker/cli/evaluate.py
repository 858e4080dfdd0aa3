"""`difftalker evaluate`: films of any system against a reference, in one table."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from difftalker.config import Device, Params, load_params
from difftalker.errors import UserError
from difftalker.project import PARAMS
from difftalker.weights.store import locate

if TYPE_CHECKING:
    from difftalker.evaluation.compare_films import Comparison, ComparisonSettings, NamedExpert
    from difftalker.sync.crop_rules import RuleName

SYNCNET_FOLDER = Path("data/models/syncnet")  # the project's expert


def evaluate(
    reference: Annotated[Path, typer.Option(help="The real film, with sound.")],
    candidate: Annotated[
        list[str], typer.Option(metavar="NAME=FILE", help="A film of the same view, made by any system; repeatable.")
    ],
    sync_model: Annotated[
        str | None,
        typer.Option(help="Folder of a sync expert, or `official`. By default the project's, if there is one."),
    ] = None,
    sync_crop: Annotated[
        Literal["pipeline", "face_track", "lrs"] | None,
        typer.Option(help="What the expert sees; `face_track` for the official one, `pipeline` for a trained one."),
    ] = None,
    crop: Annotated[
        Literal["face", "none"],
        typer.Option(help="`face`: cut the face out; `none`: the pictures are face crops already."),
    ] = "face",
    size: Annotated[int | None, typer.Option(help="Side of the crop in pixels.", min=32, max=1024)] = None,
    detector: Annotated[Literal["mesh", "fan"] | None, typer.Option(help="What finds landmarks.")] = None,
    device: Annotated[Device | None, typer.Option(help="Where networks run.")] = None,
    params: Annotated[
        Path | None, typer.Option(help="A params.yaml to take crop, detector and rate from; the project's by default.")
    ] = None,
    out: Annotated[list[Path] | None, typer.Option(help="Table to write: .md, .csv or .json; repeatable.")] = None,
) -> None:
    """Compute every metric of the pipeline for films of any system, under one protocol. Works without a project."""
    from difftalker.evaluation.compare_films import compare_films
    from difftalker.report.film_comparison import check_table_name, write_comparison

    for path in out or []:
        check_table_name(path)
    films = dict(_candidate(text) for text in candidate)
    if len(films) < len(candidate):
        raise UserError("--candidate: every name may be given once")
    given = load_params(params or PARAMS) if params or PARAMS.is_file() else None
    settings = _settings(given, crop, size, detector, device)
    expert, rule = _expert(sync_model, sync_crop, settings.device, given.weights.syncnet if given else None)
    comparison = compare_films(reference, films, replace(settings, rule=rule), expert)
    for path in out or []:
        write_comparison(path, comparison)
    show_comparison(comparison)
    for path in out or []:
        print(f"written: {path}")


def show_comparison(comparison: Comparison) -> None:
    """Print the table, the protocol and the notes."""
    from difftalker.report.film_comparison import cell, shown_columns

    shown = shown_columns(comparison)
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in comparison.rows:
        table.add_column(name, justify="right", overflow="fold")
    for column in shown:
        cells = [cell(column, row.get(column.key)) for row in comparison.rows.values()]
        table.add_row(f"{column.name} {column.arrow}".strip(), *cells)
    Console().print(table)
    for key, text in comparison.protocol.items():
        print(f"{key.replace('_', ' ')}: {text}")
    for note in comparison.notes:
        print(f"note: {note}")


def _candidate(text: str) -> tuple[str, Path]:
    from difftalker.evaluation.compare_films import REFERENCE

    name, sign, path = text.partition("=")
    if not sign or not path or not re.fullmatch(r"[\w .+-]+", name):
        raise UserError(f"--candidate {text!r}: write NAME=FILE; names hold letters, digits, spaces and . _ + -")
    if name.lower() in (REFERENCE, "name"):
        raise UserError(f"--candidate {text!r}: {name!r} is taken; choose another name")
    return name, Path(path)


def _settings(
    given: Params | None, crop: Literal["face", "none"], size: int | None, detector: str | None, device: Device | None
) -> ComparisonSettings:
    from difftalker.compute.device import select_device
    from difftalker.evaluation.compare_films import ComparisonSettings
    from difftalker.evaluation.reference_film import CropSettings

    usual = ComparisonSettings()
    if given is None:
        fps, laid, found, where, pin = usual.fps, usual.crop, usual.detector, usual.device, usual.pin
    else:
        fps, found, where, pin = given.video.fps, given.detector, given.device, given.weights.fan2d
        laid = CropSettings("face", given.video.size, given.frames.crop_scale, given.frames.smoothing_seconds)
    if detector is not None:
        found = replace(found, name=detector)  # type: ignore[arg-type]
    where = device or where
    where = str(select_device(where))  # type: ignore[arg-type]
    laid = CropSettings(crop, size or laid.size, laid.crop_scale, laid.smoothing)
    return ComparisonSettings(fps, laid, found, usual.rule, where, pin)


def _expert(
    model: str | None, rule: RuleName | None, device: str, pin: str | None
) -> tuple[NamedExpert | None, RuleName]:
    from difftalker.evaluation.compare_films import NamedExpert
    from difftalker.sync.crop_rules import check_rule
    from difftalker.sync.experts import load_sync_expert
    from difftalker.sync.network import SyncNet
    from difftalker.sync.official import read_published

    if model is None and not (SYNCNET_FOLDER / "config.json").is_file():
        return None, "pipeline"
    if model == "official":
        loaded: object = read_published(locate("syncnet", pin))
    else:
        loaded = load_sync_expert(Path(model) if model else SYNCNET_FOLDER)
    expert = loaded.to(device)  # type: ignore[attr-defined]
    kind = "trained" if isinstance(expert, SyncNet) else "official"
    chosen: RuleName = rule or ("pipeline" if kind == "trained" else "face_track")
    check_rule(kind, chosen)
    return NamedExpert(expert, expert.title, expert.fps), chosen
