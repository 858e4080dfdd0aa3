"""What a study compares, and its tables: the paper's Table 1 and landmark table, its figures quoted beside ours."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from difftalker.errors import UserError
from difftalker.report.paper import PAPER_ROWS, PAPER_SETTING
from difftalker.report.results_tables import Column, columns

TABLE_1 = ("lse_d", "lse_c", "ld", "psnr", "ssim")  # the paper's measures, in its order
LANDMARK_TABLE = ("landmark_distance",)

# The paper's ablations, name -> overrides: Table 1 (Ours¹: audio features instead of landmarks) and section 3.3
# (without AM-Trans); sound left out altogether.
ABLATIONS = {
    "ours": ["landmarks.audio_fusion=am", "face.condition=landmarks"],
    "audio-in-bm": ["landmarks.audio_fusion=bm", "face.condition=landmarks"],
    "no-audio": ["landmarks.audio_fusion=none", "face.condition=landmarks"],
    "audio-condition": ["landmarks.audio_fusion=am", "face.condition=audio"],
}


@dataclass(frozen=True)
class Variant:
    """One experiment of a study.

    Attributes:
        name: the experiment's name.
        params: all parameters, dotted keys.
        metrics: metrics.json; None if the experiment failed.
    """

    name: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Any] | None


def parse_grid(entries: Sequence[str]) -> dict[str, list[Any]]:
    """A grid from texts `KEY=A,B,C`; raises `UserError` if one is not of this form, or names a key again."""
    grid: dict[str, list[Any]] = {}
    for entry in entries:
        key, _, values = entry.partition("=")
        if not key or not values or key in grid:
            raise UserError(f"--grid {entry!r}: write KEY=A,B,C, each key once")
        grid[key] = values.split(",")
    return grid


def combinations(grid: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Every combination of the values of a grid (parameter -> values): a short name -> its overrides.

    Raises:
        UserError: a parameter has no values, or two values of one would have the same name.
    """
    found: dict[str, list[str]] = {}
    for key, values in grid.items():
        if not values:
            raise UserError(f"grid: {key} has no values; write {key}=1,2,3")
    for values in itertools.product(*grid.values()):
        texts = [re.sub(r"[^\w.]", "_", str(value)).strip("._") for value in values]
        name = "-".join(f"{key.rpartition('.')[2]}-{text}" for key, text in zip(grid, texts, strict=True))
        if name in found:
            raise UserError(f"grid: two combinations are called {name}; leave one out")
        found[name] = [f"{key}={value}" for key, value in zip(grid, values, strict=True)]
    return found


def differing_params(variants: Sequence[Variant]) -> list[str]:
    """The keys of the parameters that are not the same in all variants, in order of appearance."""
    keys = dict.fromkeys(key for variant in variants for key in variant.params)
    return [key for key in keys if any(v.params.get(key) != variants[0].params.get(key) for v in variants)]


def study_markdown(variants: Sequence[Variant]) -> str:
    """Both tables as Markdown, with what has to be known to read them."""
    frames = sorted({variant.metrics["test_frames"] for variant in variants if variant.metrics})
    counts = " or ".join(f"{count:,}" for count in frames)
    note = f"{PAPER_SETTING} "
    if frames:
        note += f"All other rows were measured here, on {counts} test frames; the two are not comparable. "
    if len(frames) > 1:
        note += "The variants' test splits differ in size, so they are not comparable among themselves either. "
    taken = {tuple(sorted(variant.metrics.get("protocol", {}).items())) for variant in variants if variant.metrics}
    note += "; ".join(f"{what.replace('_', ' ')}: {how}" for found in sorted(taken) for what, how in found)
    return "\n\n".join(
        (
            "## Face synthesis (the paper's Table 1)",
            _markdown_table(variants, TABLE_1),
            "## Landmark completion (the paper's section 3.3)",
            _markdown_table(variants, LANDMARK_TABLE),
            note.strip(),
        )
    ) + "\n"  # fmt: skip


def study_csv(variants: Sequence[Variant]) -> str:
    """Both tables in one CSV: name, whether quoted, the parameters that differ, the measures with all their digits."""
    keys, measures = differing_params(variants), (*TABLE_1, *LANDMARK_TABLE)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "source", *keys, *measures))
    for name, figures in PAPER_ROWS.items():
        writer.writerow((name, "quoted", *("" for _ in keys), *(figures.get(measure, "") for measure in measures)))
    for variant in variants:
        found = variant.metrics or {}
        source = "measured" if variant.metrics else "failed"
        values = (found.get(measure, "") for measure in measures)
        writer.writerow((variant.name, source, *(variant.params.get(key, "") for key in keys), *values))
    return text.getvalue()


def _markdown_table(variants: Sequence[Variant], measures: Sequence[str]) -> str:
    keys, shown = differing_params(variants), _columns(measures)
    quoted = {name: row for name, row in PAPER_ROWS.items() if row.keys() & set(measures)}
    lines = [
        _line(["", *(f"`{key}`" for key in keys), *(f"{column.name} {column.arrow}" for column in shown)]),
        _line(["---", *("---" for _ in keys), *("--:" for _ in shown)]),
    ]
    for name, row in quoted.items():
        figures = (column.show(row.get(column.key)) for column in shown)
        lines.append(_line([f"{name}, *quoted*", *("" for _ in keys), *figures]))
    for variant in variants:
        found = variant.metrics or {}
        name = variant.name if variant.metrics else f"{variant.name}, **failed**"
        figures = (column.show(found.get(column.key)) for column in shown)
        lines.append(_line([name, *(f"`{variant.params.get(key)}`" for key in keys), *figures]))
    return "\n".join(lines)


def _columns(measures: Sequence[str]) -> list[Column]:
    known = {column.key: column for column in columns({"crop": "", "detector": ""})}
    return [known[measure] for measure in measures]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
