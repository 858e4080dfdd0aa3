"""Join the tables of the listed recordings into one dataset with a train/test split."""

from __future__ import annotations

import numpy as np

from difftalker.config import load_params
from difftalker.dataset.frames import RecordingTables, build_dataset
from difftalker.files import replacing
from difftalker.tables import write_table
from stages.runner import run, stage_arguments


def main() -> None:
    arguments = stage_arguments(__doc__, "frames", "detected", "audio", "out")
    params = load_params()
    # Only the listed recordings are read: the folders may still hold those of an earlier params.yaml.
    sources = [
        RecordingTables(
            recording,
            geometry=arguments.frames / recording / "geometry.parquet",
            landmarks=arguments.detected / f"{recording}.parquet",
            audio=arguments.audio / f"{recording}.parquet",
        )
        for recording in params.recordings
    ]
    dataset = build_dataset(sources, params.split.test_fraction, params.video.fps)
    parts, counts = np.unique(dataset.column("split").to_numpy().astype(str), return_counts=True)
    print("frames:", ", ".join(f"{count} {part}" for part, count in zip(parts, counts, strict=True)))
    with replacing(arguments.out) as partial:
        write_table(partial, dataset)


if __name__ == "__main__":
    run("build_dataset", main)
