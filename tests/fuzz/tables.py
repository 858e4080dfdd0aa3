"""Small whole tables: to be damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from difftalker.completion.landmark_file import write_completed
from difftalker.tables import CROPS_SCHEMA, DATASET_SCHEMA, TableWriter, encode_image

_FRAMES = 20


def write_tables(folder: Path) -> None:
    """Landmarks, crops and a dataset of 20 frames."""
    generator = np.random.default_rng(0)
    landmarks = generator.uniform(0.2, 0.8, (_FRAMES, 68, 2)).astype(np.float32)
    write_completed(folder / "landmarks.parquet", landmarks, 25.0, "demo", "demo")
    with TableWriter(folder / "crops.parquet", CROPS_SCHEMA, {"fps": "25.0"}) as table:
        for index in range(_FRAMES):
            image = encode_image(generator.integers(0, 256, (32, 32, 3), np.uint8), "png")
            table.write(clip="demo", frame=index, time=index / 25, image=image)
    with TableWriter(folder / "dataset.parquet", DATASET_SCHEMA, {"fps": "25.0"}) as table:
        for index in range(_FRAMES):
            table.write(
                recording="demo", clip="demo", frame=index, time=index / 25, row=index,
                split="train" if index < 15 else "test", landmarks=landmarks[index],
                features=generator.normal(size=(16, 29)).astype(np.float32), region=np.float32([16, 16, 30, 0]),
            )  # fmt: skip
