from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.face.crop import cut_crop
from difftalker.face.landmark_table import clean_shot, landmark_table
from difftalker.face.topology import MOUTH, NOSE_BASE
from difftalker.face.tracking import FaceTracker
from difftalker.tables import (
    CROPS_SCHEMA,
    GEOMETRY_SCHEMA,
    TableWriter,
    encode_image,
    table_metadata,
    tensor_column,
    write_table,
)
from tests.footage import portrait

CONFIG = DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=2)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Two clips of a still face; in the second, some frames have none."""
    (face,) = FaceTracker().find(portrait())
    nose = face.points[NOSE_BASE]
    transform = np.array([0.5, 0, 47.5 - 0.5 * nose[0], 0, 0.5, 48 - 0.5 * nose[1]])
    region = face.region * (0.5, 0.5, 0.5, 1) + (transform[2], transform[5], 0, 0)
    image = encode_image(cut_crop(portrait(), transform, 96), "png")
    with (
        TableWriter(tmp_path / "crops.parquet", CROPS_SCHEMA, {"fps": "25.0", "size": "96"}) as crops,
        TableWriter(tmp_path / "geometry.parquet", GEOMETRY_SCHEMA, {"fps": "25.0", "size": "96"}) as geometry,
    ):
        for clip, seen in (("a", [1] * 6), ("b", [1, 1, 0, 0, 1, 1, 0, 0, 0, 1])):
            for frame, valid in enumerate(seen):
                key = {"clip": clip, "frame": frame, "time": frame / 25}
                crops.write(**key, image=image)
                geometry.write(
                    **key, transform=transform, source_width=280, source_height=280, region=region, valid=bool(valid)
                )
    return tmp_path


def test_rows_validity_and_gaps(frames: Path) -> None:
    table = landmark_table(frames, CONFIG)
    assert table.column("clip").to_pylist() == ["a"] * 6 + ["b"] * 10
    valid = table.column("valid").to_numpy()
    assert valid[:6].all()
    assert valid[6:].tolist() == [True] * 6 + [False] * 3 + [True]
    assert np.flatnonzero(table.column("interpolated").to_numpy()).tolist() == [8, 9]
    points = tensor_column(table, "landmarks")
    assert points.shape == (16, 68, 2)
    np.testing.assert_allclose(points[valid], np.broadcast_to(points[0], points[valid].shape), atol=1e-5)
    write_table(frames / "landmarks.parquet", table)
    assert table_metadata(frames / "landmarks.parquet") == {
        "detector": "mesh",
        "smoothing_frames": "0.7",
        "max_gap": "2",
        "fps": "25.0",
        "size": "96",
    }


def test_missing_input_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"geometry\.parquet"):
        landmark_table(tmp_path, CONFIG)


def test_no_usable_frame_is_an_error(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("difftalker.face.landmark_table.MIN_SCORE", 1.1)
    with pytest.raises(UserError, match=r"no frame has usable landmarks.*clips\.json"):
        landmark_table(frames, CONFIG)


def test_a_mouth_in_the_upper_half_is_invalid_not_guessed() -> None:
    points = np.full((7, 68, 2), 0.7)
    points[3, MOUTH, 1] = 0.2
    _, valid, interpolated = clean_shot(points, np.ones(7, bool), CONFIG)
    assert not valid[3] and not interpolated.any()
    assert valid[[0, 6]].all()
    seen = np.ones(7, bool)
    seen[3] = False  # a gap that could be filled, were the mouth not seen elsewhere
    _, valid, interpolated = clean_shot(points, seen, CONFIG)
    assert not valid[3] and not interpolated.any()
