"""The table of a comparison of films as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from difftalker.errors import UserError
from difftalker.evaluation.compare_films import Comparison
from difftalker.files import replacing
from difftalker.report.results_tables import Column, columns

_COUNTS = ("undetected", "closure_moments", "silence_motion")  # figures without a column of the report

# What is otherwise than in a run of the pipeline, whose lower halves are generated and pasted back.
_FILMS = {
    "ld": "Landmarks detected on every film ({detector}) in the reference’s face boxes, smoothed, against the "
    "reference’s; mean over all 68 points, divided by the crop side.",
    "psnr_lower": "The crop’s lower half.",
    "psnr_frame": "The whole picture.",
    "ssim_lower": "The crop’s lower half.",
    "ssim_frame": "The whole picture.",
    "jitter_ratio": "Mean absolute second difference in time of the mouth landmarks, over the reference’s.",
    "sharpness_ratio": "Variance of the Laplacian around the reference’s mouth (bounding box of its landmarks and a "
    "quarter more) in the reference’s own pixels, over the reference’s.",
    "psnr_jaw": "In the reference’s own pixels, inside the hull of its jaw line and nose, below the nose; mean over "
    "frames.",
    "flicker_ratio": "Mean absolute second difference in time of the pixels inside the jaw, over the reference’s.",
    "opening_r": "Correlation of the gap between the inner lips, over the face’s width, with the reference’s.",
    "opening_slope": "Slope of the gap over the reference’s, by least squares.",
    "opening_sd_ratio": "Standard deviation of the gap over the reference’s.",
    "closure": "Of the moments at which the reference’s lips are closed, the share at which the film’s are, to a "
    "frame. Closed: the gap is less than a tenth of the way from the reference’s smallest to its wide ones.",
    "silence_motion_ratio": "Mean speed of the mouth’s points relative to the nose where nobody speaks, over the "
    "reference’s.",
}


def shown_columns(comparison: Comparison) -> list[Column]:
    """The measures that some row has."""
    found = {key for row in comparison.rows.values() for key in row}
    return [
        replace(column, protocol=_FILMS.get(column.key, column.protocol).format(**comparison.protocol))
        for column in columns(comparison.protocol)
        if column.key in found
    ]


def cell(column: Column, value: float | None) -> str:
    """A value as text: infinite PSNR is that of equal pictures."""
    return "∞" if value is not None and math.isinf(value) else column.show(value)


def comparison_markdown(comparison: Comparison) -> str:
    """The table, then notes, protocol and what each measure is."""
    shown = shown_columns(comparison)
    lines = [
        "| | " + " | ".join(f"{column.name} {column.arrow}".strip() for column in shown) + " |",
        "|---" + "|---:" * len(shown) + "|",
    ]
    for name, row in comparison.rows.items():
        cells = [cell(column, row.get(column.key)) for column in shown]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Protocol:", ""]
    lines += [f"- {key.replace('_', ' ')}: {text}" for key, text in comparison.protocol.items()]
    lines += ["", "Measures:", ""]
    lines += [f"- **{column.name}**: {column.protocol}" for column in shown]
    if comparison.notes:
        lines += ["", "Notes:", "", *(f"- {note}" for note in comparison.notes)]
    return "\n".join(lines) + "\n"


def comparison_csv(comparison: Comparison) -> str:
    """One line per film: name, figures under the keys of metrics.json, and the protocol in the last columns."""
    keys = [column.key for column in shown_columns(comparison)]
    keys += [key for key in _COUNTS if any(key in row for row in comparison.rows.values())]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *keys, *comparison.protocol])
    for name, row in comparison.rows.items():
        figures = ["" if row.get(key) is None else f"{row[key]:.6g}" for key in keys]
        writer.writerow([name, *figures, *comparison.protocol.values()])
    return text.getvalue()


def comparison_json(comparison: Comparison) -> str:
    """`protocol`, `rows` (name -> figures, rounded to 6 digits after the point; infinity as "inf") and `notes`."""
    rows = {
        name: {key: round(value, 6) if math.isfinite(value) else "inf" for key, value in sorted(row.items())}
        for name, row in comparison.rows.items()
    }
    document = {"protocol": comparison.protocol, "rows": rows, "notes": comparison.notes}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


TABLE_FORMATS: dict[str, Callable[[Comparison], str]] = {
    ".md": comparison_markdown,
    ".csv": comparison_csv,
    ".json": comparison_json,
}


def check_table_name(path: Path) -> None:
    """Refuse a file name whose suffix is no format.

    Raises:
        UserError: it is none of .md, .csv and .json.
    """
    if path.suffix.lower() not in TABLE_FORMATS:
        raise UserError(
            f"{path}: tables are written as {', '.join(TABLE_FORMATS)}; give the file one of these suffixes"
        )


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write the table in the format of the file's suffix."""
    check_table_name(path)
    with replacing(path) as partial:
        partial.write_text(TABLE_FORMATS[path.suffix.lower()](comparison), encoding="utf-8")
