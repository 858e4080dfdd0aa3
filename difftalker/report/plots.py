"""The report's curves and bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from difftalker.report.svg import FIRST, FULL, MUTED, SECOND, axes, style, to_svg

LOSSES = {"prior": "Prior", "landmarks": "Landmark completion", "face": "Face synthesis", "syncnet": "Sync expert"}


def loss_curves(plots: Path) -> str | None:
    """Training losses, one panel per network that a `<name>_loss.csv` has at least two rows of, as SVG.

    A table with a column `network` holds several trainings one after the other.
    """
    panels = [panel for name in LOSSES for panel in _losses(plots / f"{name}_loss.csv", LOSSES[name])]
    if not panels:
        return None
    with style():
        figure = Figure(figsize=(FULL, 2.3), layout="constrained")
        for panel, (title, data) in zip(figure.subplots(1, len(panels), squeeze=False).ravel(), panels, strict=True):
            panel.plot(data["step"], data["loss"], color=FIRST)
            panel.set_title(title)
            panel.set_xlabel("step")
            panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            if (data["loss"] > 0).all():
                panel.set_yscale("log")
                panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
                panel.yaxis.set_major_formatter(FormatStrFormatter("%g"))
                panel.yaxis.set_minor_formatter(NullFormatter())
        return to_svg(figure, "losses", "Training losses")


def landmark_curve(table: Path) -> str:
    """LD of the generated frames and distance of the completed landmarks, per test frame, as SVG."""
    data = pd.read_csv(table)
    with style():
        figure, panel = axes()
        panel.plot(data["index"], data["ld"], color=FIRST, label="LD, generated frame", linewidth=1)
        panel.plot(data["index"], data["landmark_distance"], color=SECOND, label="completed landmarks", linewidth=1)
        panel.set_ylim(bottom=0)
        panel.set_xlabel("test frame")
        panel.set_ylabel("distance / crop size")
        panel.legend(loc="upper left", ncols=2, bbox_to_anchor=(0, 1.16), borderaxespad=0)
        return to_svg(figure, "landmark_curve", "Landmark distance per test frame")


def sync_curve(table: Path) -> str | None:
    """Audio-video distance over offsets, as SVG; None where the test split was too short for it."""
    data = pd.read_csv(table)
    if data.empty:
        return None
    with style():
        figure, panel = axes()
        for column, colour, label in (("ground_truth", MUTED, "ground truth"), ("generated", FIRST, "generated")):
            panel.plot(data["offset"], data[column], color=colour, label=label, marker="o", markersize=3)
            best = int(np.argmin(data[column]))
            panel.plot(data["offset"][best], data[column][best], "o", color=colour, markersize=7)
        panel.set_xlabel("offset in frames (positive: the picture is late)")
        panel.set_ylabel("embedding distance")
        panel.xaxis.set_major_locator(MaxNLocator(11, integer=True))
        panel.legend(loc="upper left", ncols=2, bbox_to_anchor=(0, 1.16), borderaxespad=0)
        return to_svg(figure, "sync_curve", "Distance between sound and lips over offsets")


def stage_bars(timings: dict[str, dict[str, float]]) -> str:
    """Wall time and peak memory per stage, as SVG.

    Args:
        timings: stage -> `seconds` and `peak_bytes`.
    """
    names = list(timings)
    with style():
        figure = Figure(figsize=(FULL, 0.5 + 0.25 * len(names)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for panel, values, title, unit in (
            (left, [timings[name]["seconds"] for name in names], "Wall time", "s"),
            (right, [timings[name]["peak_bytes"] / 2**30 for name in names], "Peak memory", "GiB"),
        ):
            bars = panel.barh(range(len(names)), values, color=FIRST if panel is left else SECOND, height=0.62)
            labels = [f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}" for value in values]
            panel.bar_label(bars, labels, padding=4, color=MUTED)
            panel.set_xlim(0, max([*values, 1e-9]) * 1.22)
            panel.set_title(title)
            panel.grid(False)
            panel.set_xticks([])
            panel.spines["bottom"].set_visible(False)
        left.set_yticks(range(len(names)), names)
        left.invert_yaxis()
        return to_svg(figure, "stages", "Wall time and peak memory per stage")


def _losses(path: Path, title: str) -> list[tuple[str, pd.DataFrame]]:
    if not path.is_file() or not path.read_text(encoding="utf-8").strip():
        return []
    data = pd.read_csv(path)
    parts = [(title, data)]
    if "network" in data:
        parts = [(f"{title}: {name!s}", part) for name, part in data.groupby("network", sort=False)]
    return [part for part in parts if len(part[1]) > 1]
