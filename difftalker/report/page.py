"""Put the report together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined

from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.evaluation.film_folder import read_records
from difftalker.evaluation.frame_table import FrameTable, read_split
from difftalker.report import faces, films, mismatch, plots, results_tables, training_data, verdicts
from difftalker.report.embedded_media import video_uri
from difftalker.report.paper import PAPER_SETTING
from difftalker.tables import read_table, tensor_column

VIDEO_BYTES = 6_500_000  # of all embedded videos, so that the page stays near ten megabytes

STAGES = (
    *("render_demo", "extract_frames", "detect_landmarks", "extract_audio", "build_dataset", "build_prior"),
    *("encode_latents", "train_landmarks", "train_face", "build_syncnet", "synthesise"),
    *("make_films", "evaluate"),
)


@dataclass(frozen=True)
class ReportInputs:
    """Where the parts of a run lie; the arguments of the stage `report`.

    Attributes:
        timings: folder with `<stage>.json` files of seconds and peak_bytes; it may be missing.
        params: the parameters' file, shown as it is.
    """

    dataset: Path
    frames: Path
    detected: Path
    synthesis: Path
    films: Path
    evaluation: Path
    metrics: Path
    speed: Path
    plots: Path
    timings: Path
    params: Path


def build_page(inputs: ReportInputs, complete: mismatch.CompleteLandmarks) -> str:
    """The report as one HTML document that loads nothing.

    Args:
        inputs: what to show.
        complete: the landmark completion, for the mismatch test.

    Raises:
        UserError: a part is missing or does not fit the dataset.
    """
    dataset = Dataset.load(inputs.dataset)
    test = read_split(dataset, "test")
    metrics, speed = _json(inputs.metrics), _json(inputs.speed)
    landmarks = read_table(inputs.synthesis / "landmarks.parquet")
    completed = tensor_column(landmarks, "landmarks")
    if len(completed) != len(test):
        raise UserError(f"{inputs.synthesis}: has {len(completed)} frames, the test split {len(test)}; run `dvc repro`")
    samples = faces.SamplePictures(inputs.evaluation / "samples.parquet", test)
    shown = results_tables.columns(_protocol(inputs.metrics, metrics))
    made = films.films(inputs.films, read_records(inputs.films), dataset)
    embedded = sum(len(film[part] or "") for film in made for part in ("film", "source"))
    found = verdicts.headline_cards(metrics, speed, shown)
    timings = read_timings(inputs.timings)
    total = sum(timing["seconds"] for timing in timings.values())
    context: dict[str, Any] = {
        "title": ", ".join(test.recordings),
        "summary": _summary(dataset, test),
        "headline": verdicts.headline(found),
        "cards": found,
        "films": made,
        "videos": _videos(inputs.synthesis, test.recordings, VIDEO_BYTES - embedded * 3 // 4),
        "several": len(test.recordings) > 1,
        "samples": [
            {"recording": test.recording[i], "clip": test.clip[i], "frame": test.frame[i]} for i in samples.positions
        ],
        "sample_rows": faces.frame_grid(samples, test, completed),
        "completion": faces.completion_pictures(samples, test, completed, complete),
        "mismatch": mismatch.mismatch_verdict(mismatch.sound_share(test, completed, complete)),
        "columns": shown,
        "tables": results_tables.tables(metrics, shown),
        "paper_setting": PAPER_SETTING,
        "losses": plots.loss_curves(inputs.plots),
        "landmark_curve": plots.landmark_curve(inputs.plots / "landmark_distance.csv"),
        "sync_curve": plots.sync_curve(inputs.plots / "sync_offset.csv"),
        "data_columns": training_data.RECORDING_COLUMNS,
        "data_rows": training_data.recordings(dataset, inputs.frames),
        "listings": training_data.listings(dataset, inputs.frames, _interpolated(inputs.detected, dataset)),
        "stages": plots.stage_bars(timings) if timings else None,
        "stages_note": f"{total / 60:.1f} minutes in total for the stages shown, each as it last ran.",
        "speed_note": _speed_note(speed),
        "params": inputs.params.read_text(encoding="utf-8"),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("difftalker.report").joinpath("template.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(context)


def read_timings(folder: Path) -> dict[str, dict[str, float]]:
    """Seconds and peak bytes per stage, in the order of the graph; empty where nothing was recorded."""
    found = {path.stem: _json(path) for path in folder.glob("*.json")}
    order = {name: place for place, name in enumerate(STAGES)}
    known = [name for name in found if name.split("@")[0] in order]
    return {name: found[name] for name in sorted(known, key=lambda name: (order[name.split("@")[0]], name))}


def _protocol(path: Path, metrics: Mapping[str, Any]) -> dict[str, str]:
    if "protocol" not in metrics or "film" not in metrics:
        raise UserError(f"{path}: does not say how its figures were taken, or of which films; run `dvc repro evaluate`")
    return metrics["protocol"]


def _summary(dataset: Dataset, test: FrameTable) -> str:
    train = int((dataset.split == "train").sum())
    return (
        f"{len(test):,} test frames ({len(test) / dataset.fps:.1f} s at {dataset.fps:g} frames per second), "
        f"learnt from {train:,} training frames ({train / dataset.fps:.0f} s) of the same speaker."
    )


def _speed_note(speed: dict[str, Any]) -> str:
    parts = sorted(speed.get("seconds_per_frame", {}).items(), key=lambda part: -part[1])
    listed = ", ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in parts)
    whole = f"Synthesis: {speed['fps']:.1f} frames per second end to end"
    return f"{whole}; per frame: {listed}." if listed else f"{whole}."


def _videos(synthesis: Path, recordings: list[str], left: int) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    for recording in recordings:
        made, truth = synthesis / f"{recording}.mp4", synthesis / f"{recording}_truth.mp4"
        for path in (made, truth):
            if not path.is_file():
                raise UserError(f"{path}: no such file; run `dvc repro synthesise`")
        size = made.stat().st_size + truth.stat().st_size
        fits = size <= left
        left -= size if fits else 0
        found.append(
            {
                "recording": recording,
                "path": str(made),
                "generated": video_uri(made) if fits else None,
                "truth": video_uri(truth) if fits else None,
            }
        )
    return found


def _interpolated(detected: Path, dataset: Dataset) -> np.ndarray:
    flags = np.zeros(len(dataset.frame), bool)
    for name in dict.fromkeys(dataset.recording.tolist()):
        data = read_table(detected / f"{name}.parquet", ["interpolated"])
        of = np.flatnonzero(dataset.recording == name)
        flags[of] = data.column("interpolated").to_numpy()[dataset.row[of]]
    return flags


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `dvc repro` to make it") from None
    except json.JSONDecodeError:
        raise UserError(f"{path}: not valid JSON; delete it and run `dvc repro`") from None
