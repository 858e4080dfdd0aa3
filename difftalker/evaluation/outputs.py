"""What the stage `evaluate` leaves: metrics, plots' data, figures per frame and sample pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from difftalker.evaluation.evaluate import Evaluation, metrics_document
from difftalker.evaluation.frame_table import FrameTable
from difftalker.files import replacing
from difftalker.sync.lse import LARGEST_SHIFT
from difftalker.tables import encode_image, make_table, write_table

_KEY = [("recording", pa.string()), ("clip", pa.string()), ("frame", pa.int32()), ("time", pa.float64())]

# Pictures for the report: `position` is the place in the test split, `row` the row of the results table.
SAMPLES_SCHEMA = pa.schema([("position", pa.int32()), ("row", pa.string()), ("image", pa.binary())])


def write_metrics(path: Path, result: Evaluation, test: FrameTable, protocol: Mapping[str, str]) -> None:
    """Write metrics.json; `protocol` says what the figures were taken with, see `evaluation.protocol`."""
    with replacing(path) as partial:
        text = json.dumps(metrics_document(result, test, protocol), indent=2, sort_keys=True)
        partial.write_text(text + "\n", encoding="utf-8")


def write_plots(folder: Path, result: Evaluation) -> None:
    """Write landmark_distance.csv (index, ld, landmark_distance) and sync_offset.csv.

    The latter has the columns offset (in frames, positive: the picture is late), ground_truth and generated.
    """
    main, truth = result.rows["generated"], result.rows["ground_truth"]
    distances = zip(main.frames["ld"], main.frames["landmark_distance"], strict=True)
    _write_csv(
        folder / "landmark_distance.csv",
        ("index", "ld", "landmark_distance"),
        ((index, *_texts(pair)) for index, pair in enumerate(distances)),
    )
    offsets = range(-LARGEST_SHIFT, LARGEST_SHIFT + 1) if len(main.sync) else ()
    _write_csv(
        folder / "sync_offset.csv",
        ("offset", "ground_truth", "generated"),
        (
            (offset, *_texts((truth.sync[LARGEST_SHIFT - offset], main.sync[LARGEST_SHIFT - offset])))
            for offset in offsets
        ),
    )


def write_folder(folder: Path, result: Evaluation, test: FrameTable) -> None:
    """Write per_frame.parquet (the generated row) and samples.parquet (schema SAMPLES)."""
    with replacing(folder) as partial:
        partial.mkdir()
        frames = result.rows["generated"].frames
        schema = pa.schema([*_KEY, *((name, pa.float32()) for name in sorted(frames))])
        write_table(partial / "per_frame.parquet", make_table(schema, test.keys | {"time": test.time} | frames))
        samples = sorted(result.samples, key=lambda sample: sample[:2])
        columns = {
            "position": [position for position, _, _ in samples],
            "row": [row for _, row, _ in samples],
            "image": [encode_image(image, "png") for _, _, image in samples],
        }
        write_table(partial / "samples.parquet", make_table(SAMPLES_SCHEMA, columns))


def _texts(values: Iterable[float]) -> list[str]:
    return [f"{value:.6f}" for value in values]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
