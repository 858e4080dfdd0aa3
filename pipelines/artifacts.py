"""What a run leaves in Prefect for its readers: metrics and params beside those of the last commit, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect.artifacts import create_link_artifact, create_table_artifact

from difftalker.errors import UserError
from pipelines.graph import compare
from pipelines.progress import artifact_key
from pipelines.registry import champion

REPORT = Path("data/results/report.html")


def show_results(root: Path | str = ".") -> None:
    """Make the artifacts `metrics`, `params` and `report` of the running flow.

    Metrics and params are compared with the champion's, or with those of the last commit if there is none.

    Args:
        root: the project's folder.
    """
    revision, title = reference(Path(root))
    for what in ("metrics", "params"):
        rows = difference(compare(root, revision, what), title)
        if what == "params":
            rows = [row for row in rows if row["now"] != row[title]]
        elif not rows:
            continue  # only some stages were asked for, none that measures
        create_table_artifact(rows, key=artifact_key(what), description=_caption(what, rows, title))
    report = (Path(root) / REPORT).resolve()
    if report.is_file():
        create_link_artifact(
            report.as_uri(), key="report", link_text=str(report), description="The report of this run, a file here"
        )


def reference(root: Path) -> tuple[str, str]:
    """The git revision to compare with, and what to call it."""
    try:
        best = champion(root)
    except UserError:  # no commit yet
        return "HEAD", "the last commit"
    return best.revision, best.tag or "the last commit"


def difference(files: Mapping[str, Mapping[str, Mapping[str, Any]]], title: str) -> list[dict[str, Any]]:
    """Rows of a table from `dvc metrics diff` or `dvc params diff`: name, value now, value before, and change."""
    rows = []
    for values in files.values():
        for name, value in sorted(values.items(), key=lambda item: (item[0].count("."), item[0])):
            row = {"name": name, "now": _show(value.get("new")), title: _show(value.get("old"))}
            if "diff" in value:
                row["change"] = f"{value['diff']:+.6g}"
            rows.append(row)
    return rows


def _show(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)


def _caption(what: str, rows: list[dict[str, Any]], title: str) -> str:
    if what == "params":
        return f"Params that differ from {title}" if rows else f"No param differs from {title}"
    return f"Metrics, and how they differ from {title}"
