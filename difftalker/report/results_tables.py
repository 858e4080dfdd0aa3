"""The comparison table: the paper's rows quoted, this run, and its reference rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from difftalker.report.paper import PAPER_PROTOCOLS, PAPER_ROWS

REFERENCES = {
    "ground_truth": "Real video",
    "vae_reconstruction": "Autoencoder’s reconstruction",
    "mean_mouth": "Mean mouth",
    "nearest_audio": "Nearest training frame by sound",
    "ridge_regression": "Ridge regression from what the network is given",
}

FILMS = {
    "own": "Held-out speech, own pictures",
    "detected": "The same, painted from detected landmarks",
    "driven": "Held-out speech, other pictures",
    "voice": "The same, another voice",
}

# What is asked of a film, in the order of the table.
FILM_MEASURES = (
    *("ld", "ld_mouth", "psnr_jaw", "ssim_jaw", "psnr_mouth", "sharpness_ratio", "flicker_ratio", "block_ratio"),
    *("opening_r", "opening_slope", "closure", "silence_motion_ratio", "lse_d", "lse_c"),
)


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


_JAW = "inside the hull of jaw line and nose, below the nose"
_MOUTH = "in the mouth’s bounding box and a quarter more"


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
            "the real video’s; mean over all 68 points, divided by the crop side.",
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
            "real video’s.",
        ),
        Column("psnr_jaw", "PSNR jaw", "↑", 2, f"In the source’s own pixels, {_JAW}; mean over frames."),
        Column("ssim_jaw", "SSIM jaw", "↑", 4, "Mean of the same pixels of scikit-image’s map."),
        Column("psnr_mouth", "PSNR mouth", "↑", 2, f"In the source’s own pixels, {_MOUTH}."),
        Column("ssim_mouth", "SSIM mouth", "↑", 4, "Mean of the same pixels of scikit-image’s map."),
        Column(
            "sharpness_ratio",
            "Sharpness",
            "→ 1",
            2,
            f"Variance of the Laplacian in the source’s own pixels, {_MOUTH}, over the real video’s.",
        ),
        Column(
            "flicker_ratio",
            "Flicker",
            "→ 1",
            2,
            "Mean absolute second difference in time of the source’s own pixels inside the jaw, over the real video’s.",
        ),
        Column(
            "block_ratio",
            "Blocks",
            "→ 1",
            2,
            "Mean gradient of the luminance at the borders of 8 × 8 pixels of the crop over that elsewhere, inside the "
            "jaw.",
        ),
        Column(
            "opening_r",
            "Opening r",
            "↑",
            3,
            "Correlation of the gap between the inner lips, over the face’s width, with the speaker’s own while saying "
            "the same.",
        ),
        Column("opening_slope", "Slope", "→ 1", 2, "Slope of the film’s gap over the speaker’s, by least squares."),
        Column("opening_sd_ratio", "Opening SD", "→ 1", 2, "Standard deviation of the film’s gap over the speaker’s."),
        Column(
            "closure",
            "Closure",
            "↑",
            2,
            "Of the moments at which the speaker’s lips are closed, the share at which the film’s are, to a frame. "
            "Closed: the gap is less than a tenth of the way from the speaker’s smallest to his wide ones.",
        ),
        Column(
            "silence_motion_ratio",
            "Motion in silence",
            "→ 1",
            2,
            "Mean speed of the mouth’s points relative to the nose where nobody speaks, over the speaker’s.",
        ),
    ]


def tables(metrics: Mapping[str, Any], shown: list[Column]) -> list[dict[str, Any]]:
    """The films, the paper's measures with the paper's rows, then the further measures, for the template."""
    references, films = metrics["reference"], metrics["film"]
    others = [(name, references[key]) for key, name in REFERENCES.items() if key in references]
    made = [(name, films[key]) for key, name in FILMS.items() if key in films]
    ours = [("Generated", metrics), *others]
    run = f"Frames of the test split, reconstructed: {metrics['test_frames']:,}"
    of_films = [column for key in FILM_MEASURES for column in shown if column.key == key]
    of_paper = [column for column in shown if column.key in PAPER_PROTOCOLS]
    further = [column for column in shown if column not in of_films and column not in of_paper]

    def group(name: str, rows: list[tuple[str, Any]], columns: list[Column], tag: str = "") -> dict[str, Any]:
        return {
            "name": name,
            "rows": [
                {
                    "name": row,
                    "tag": tag,
                    "ours": values is metrics or row in FILMS.values(),
                    "cells": [column.show(values.get(column.key)) for column in columns],
                }
                for row, values in rows
            ],
        }

    quoted = group("The paper, on its own footage", list(PAPER_ROWS.items()), of_paper, "quoted")
    dubbed = [group("Films made by dub", made, of_films)] if made else []
    return [
        {"title": "Films", "columns": of_films, "groups": [*dubbed, group(run, ours, of_films)]},
        {"title": "Measures of the paper", "columns": of_paper, "groups": [quoted, group(run, ours, of_paper)]},
        {"title": "Further measures", "columns": further, "groups": [group(run, ours, further)]},
    ]
