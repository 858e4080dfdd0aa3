"""The comparison table: the paper's rows quoted, this run, and its reference rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from difftalker.report.paper import PAPER_PROTOCOLS, PAPER_ROWS

REFERENCES = {
    "ground_truth": "Ground truth",
    "vae_reconstruction": "Autoencoder’s reconstruction",
    "mean_mouth": "Mean mouth",
    "nearest_audio": "Nearest training frame by sound",
    "ridge_regression": "Ridge regression from what the network is given",
}


@dataclass(frozen=True)
class Column:
    """One measure: its key in metrics.json, its name, whether more is better, digits, and how it is taken.

    `quoted` is how the paper took the figures that are quoted of it; empty where it has none.
    """

    key: str
    name: str
    arrow: str
    digits: int
    protocol: str

    @property
    def quoted(self) -> str:
        return PAPER_PROTOCOLS.get(self.key, "")

    def show(self, value: float | str | None) -> str:
        """A value as text; a dash where there is none, what is quoted as it stands."""
        if isinstance(value, str):
            return value
        return "–" if value is None else f"{value:.{self.digits}f}".replace("-", "−")


def columns(protocol: Mapping[str, str]) -> list[Column]:
    """The measures, with the protocol of each.

    Args:
        protocol: what the figures were taken with, see `evaluation.protocol`.
    """
    crop, detector = protocol["crop"], protocol["detector"]
    expert, faces = protocol.get("sync_expert", "no sync expert"), protocol.get("sync_crop", "none")
    return [
        Column(
            "landmark_distance",
            "Landmark distance",
            "↓",
            4,
            "Mean Euclidean distance of the 29 completed points (9 contour, 20 mouth) from the detected ones, divided "
            "by the crop side (section 3.3 of the paper). For a baseline: the mean training landmarks, or those of its "
            "frame.",
        ),
        Column(
            "ld",
            "LD",
            "↓",
            4,
            f"Landmarks detected again ({detector}, same face boxes and smoothing) on the generated frames, against "
            "the ground truth’s; mean over all 68 points, divided by the crop side.",
        ),
        Column("ld_mouth", "LD mouth", "↓", 4, "LD over the 20 mouth points."),
        Column("psnr", "PSNR", "↑", 2, f"scikit-image, data range 255, mean over frames; {crop}."),
        Column("psnr_lower", "PSNR lower", "↑", 2, "The crop’s lower half alone, all of which is generated."),
        Column("psnr_frame", "PSNR frame", "↑", 2, "The whole source frame after the crop is pasted back."),
        Column("ssim", "SSIM", "↑", 4, f"scikit-image’s default window (7 × 7, uniform), mean over frames; {crop}."),
        Column("ssim_lower", "SSIM lower", "↑", 4, "The crop’s lower half alone."),
        Column("ssim_frame", "SSIM frame", "↑", 4, "The whole source frame after the crop is pasted back."),
        Column(
            "lse_d",
            "LSE-D",
            "↓",
            3,
            f"Least mean distance between lip and sound embeddings over shifts of 15 frames either way. "
            f"Expert: {expert}. Crop rule: {faces}. Comparable only with figures of the same expert and crop rule.",
        ),
        Column("lse_c", "LSE-C", "↑", 3, "Median less minimum of the same distances."),
        Column(
            "sync_offset",
            "Offset",
            "",
            0,
            "Offset in frames at which that distance is least; positive where the picture is later than the sound.",
        ),
        Column(
            "jitter_ratio",
            "Jitter",
            "→ 1",
            2,
            "Mean absolute second difference in time of the mouth landmarks detected on the frames, over the "
            "ground truth’s.",
        ),
        Column(
            "sharpness_ratio",
            "Sharpness",
            "→ 1",
            2,
            "Variance of the Laplacian around the mouth (bounding box of its landmarks and a quarter more), over the "
            "ground truth’s.",
        ),
    ]


def tables(metrics: Mapping[str, Any], shown: list[Column]) -> list[dict[str, Any]]:
    """The paper's measures with the paper's rows, then the further measures, for the template."""
    references = metrics["reference"]
    ours = [("Generated", metrics), *((name, references[key]) for key, name in REFERENCES.items() if key in references)]
    run = f"This run, {metrics['test_frames']:,} test frames"
    measured = [column for column in shown if column.key in PAPER_PROTOCOLS]
    others = [column for column in shown if column.key not in PAPER_PROTOCOLS]

    def group(name: str, rows: list[tuple[str, Any]], columns: list[Column], tag: str = "") -> dict[str, Any]:
        return {
            "name": name,
            "rows": [
                {
                    "name": row,
                    "tag": tag,
                    "ours": values is metrics,
                    "cells": [column.show(values.get(column.key)) for column in columns],
                }
                for row, values in rows
            ],
        }

    quoted = group("The paper, on its own footage", list(PAPER_ROWS.items()), measured, "quoted")
    return [
        {"columns": measured, "groups": [quoted, group(run, ours, measured)]},
        {"columns": others, "groups": [group(run, ours, others)]},
    ]
