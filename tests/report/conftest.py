"""A run with everything that the report shows; figures are made up, pictures and landmarks real."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from difftalker.dataset.frames import Dataset
from difftalker.evaluation.film_folder import FilmRecord, film_path, source_film_path, write_records
from difftalker.evaluation.film_plan import PlannedFilm
from difftalker.evaluation.frame_table import read_row_crops, read_split
from difftalker.evaluation.metrics.mouth_opening import sample_positions
from difftalker.media.decode import decode_frames
from difftalker.report.page import ReportInputs
from difftalker.report.results_tables import REFERENCES
from difftalker.tables import encode_image, make_table, write_table
from tests.evaluation.synthetic_run import build_run, write_video
from tests.report.figures import METRICS


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    root = tmp_path_factory.mktemp("report")
    run = build_run(root)
    evaluation, plots, timings = (root / name for name in ("results/evaluation", "plots", "timings"))
    for folder in (evaluation, plots, timings):
        folder.mkdir(parents=True)
    test = read_split(Dataset.load(run.dataset), "test")
    positions = sorted(sample_positions(test.landmarks).tolist())
    entries = [(position, row) for position in positions for row in ("generated", *REFERENCES)]
    columns = {
        "position": [position for position, _ in entries],
        "row": [row for _, row in entries],
        "image": [encode_image(read_row_crops(run.frames, test, slice(i, i + 1))[0], "png") for i, _ in entries],
    }
    schema = pa.schema([("position", pa.int32()), ("row", pa.string()), ("image", pa.binary())])
    write_table(evaluation / "samples.parquet", make_table(schema, columns))
    metrics, speed, params = (root / name for name in ("metrics.json", "speed.json", "params.yaml"))
    metrics.write_text(json.dumps(METRICS))
    speed.write_text(json.dumps({"fps": 12.34, "seconds_per_frame": {"sample": 0.05, "decode": 0.02}}))
    params.write_text("seed: 0  # <b>not markup</b>\n")
    index = np.arange(45)
    np.savetxt(
        plots / "landmark_distance.csv",
        np.stack([index, index % 5 / 1000, index % 7 / 1000], 1),
        delimiter=",",
        header="index,ld,landmark_distance",
        comments="",
    )
    shifts = np.arange(-15, 16)
    np.savetxt(
        plots / "sync_offset.csv",
        np.stack([shifts, np.abs(shifts) + 1, np.abs(shifts) + 2], 1),
        delimiter=",",
        header="offset,ground_truth,generated",
        comments="",
    )
    (plots / "face_loss.csv").write_text("step,loss\n10,0.5\n20,0.25\n30,0.2\n")
    (timings / "synthesise.json").write_text('{"seconds": 75.0, "peak_bytes": 1073741824}')
    (timings / "extract_frames@anna.json").write_text('{"seconds": 45.0, "peak_bytes": 536870912}')
    films = root / "results/films"
    write_films(films, run.root / "raw")
    return ReportInputs(
        *(run.dataset, run.frames, run.detected, run.synthesis, films, evaluation, metrics, speed, plots, timings),
        params,
    )


def write_films(folder: Path, raw: Path) -> None:
    """Films of the test clip over its own pictures and over others, which show them turned upside down."""
    records = []
    for kind, base, frames in (("own", "c2", 25), ("driven", "c1", 20)):
        planned = PlannedFilm(kind, "anna", "c2", 0, frames, base, 0)
        pictures = list(decode_frames(raw / "anna" / f"{base}.mp4", 25.0))
        sound = np.zeros(frames * 640, np.int16)
        for path, shown in (
            (source_film_path(folder, planned), pictures),
            (film_path(folder, planned), pictures[:frames]),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            turned = path.parent.name != "sources"
            write_video(path, [picture[::-1] if turned else picture for picture in shown], sound)
        records.append(FilmRecord(planned, (0, 0), ((0, 5),)))
    write_records(folder, records)
