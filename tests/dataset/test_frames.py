"""Joining the recordings' tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difftalker.dataset.frames import Dataset, RecordingTables, build_dataset
from difftalker.errors import UserError
from difftalker.tables import AUDIO_SCHEMA, GEOMETRY_SCHEMA, LANDMARKS_SCHEMA, make_table, write_table


def make(folder: Path, recording: str, clips: dict[str, int], **changes: Any) -> RecordingTables:
    """A recording's tables; `changes` replace columns."""
    rng = np.random.default_rng(len(recording))
    frame = np.concatenate([np.arange(count) for count in clips.values()])
    count = len(frame)
    columns: dict[str, Any] = {
        "clip": np.repeat(list(clips), list(clips.values())),
        "frame": frame,
        "time": frame / 25,
        "transform": rng.random((count, 6)),
        "source_width": np.full(count, 360),
        "source_height": np.full(count, 288),
        "region": rng.random((count, 4)),
        "valid": np.ones(count, bool),
        "score": np.ones(count),
        "interpolated": np.zeros(count, bool),
        "landmarks": rng.random((count, 68, 2), dtype=np.float32),
        "features": rng.random((count, 16, 29), dtype=np.float32),
    } | changes
    source = RecordingTables(
        recording, *(folder / f"{recording}_{kind}.parquet" for kind in ("geometry", "landmarks", "audio"))
    )
    write_table(source.geometry, make_table(GEOMETRY_SCHEMA, columns))
    write_table(
        source.landmarks, make_table(LANDMARKS_SCHEMA, columns | {"valid": changes.get("seen", columns["valid"])})
    )
    write_table(source.audio, make_table(AUDIO_SCHEMA, columns | {"frame": changes.get("audio_frame", frame)}))
    return source


def load(folder: Path, *sources: RecordingTables, fraction: float = 0.25, fps: float = 25.0) -> Dataset:
    write_table(folder / "dataset.parquet", build_dataset(sources, fraction, fps))
    return Dataset.load(folder / "dataset.parquet")


def test_rows_of_all_recordings_are_joined_and_split_apart(tmp_path: Path) -> None:
    one = make(tmp_path, "one", {"x": 30, "y": 30, "z": 20})
    two = make(tmp_path, "recording2", {"q": 60})
    dataset = load(tmp_path, one, two)
    assert dataset.recording.tolist() == ["one"] * 80 + ["recording2"] * 60
    assert dataset.row.tolist() == [*range(80), *range(60)]
    assert dataset.split[60:80].tolist() == ["test"] * 20
    assert dataset.split[80:].tolist() == ["train"] * 37 + ["gap"] * 8 + ["test"] * 15
    assert dataset.landmarks.shape == (140, 68, 2) and dataset.features.shape == (140, 16, 29)
    assert dataset.region.shape == (140, 4) and dataset.fps == 25.0
    expected = np.random.default_rng(len("one"))
    for shape in ((80, 6), (80, 4)):
        box = expected.random(shape)
    np.testing.assert_array_equal(dataset.region[:80], box.astype(np.float32))
    np.testing.assert_array_equal(dataset.landmarks[:80], expected.random((80, 68, 2), dtype=np.float32))


def test_frames_without_a_usable_face_are_invalid(tmp_path: Path) -> None:
    outside, seen = np.ones(60, bool), np.ones(60, bool)
    outside[3] = seen[5] = False
    landmarks = np.full((60, 68, 2), 0.5, np.float32)
    landmarks[7] = np.nan
    source = make(tmp_path, "one", {"x": 60}, valid=outside, seen=seen, landmarks=landmarks)
    dataset = load(tmp_path, source)
    assert np.flatnonzero(dataset.split == "invalid").tolist() == [3, 5, 7]
    assert [part.tolist() for part in dataset.segments("train")][:4] == [[0, 1, 2], [4], [6], [*range(8, 38)]]


def test_segments_end_where_clips_and_recordings_do(tmp_path: Path) -> None:
    dataset = load(
        tmp_path,
        make(tmp_path, "one", {"x": 30, "y": 30, "z": 10, "w": 10}),
        make(tmp_path, "recording2", {"x": 30, "y": 12}),
    )
    train, test = dataset.segments("train"), dataset.segments("test")
    assert [len(part) for part in train] == [30, 30, 30]
    assert [len(part) for part in test] == [10, 10, 12]
    assert np.concatenate(test).tolist() == dataset.rows("test").tolist()


def test_tables_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path, "one", {"x": 60}, audio_frame=np.arange(1, 61))
    with pytest.raises(UserError, match=r"one_audio\.parquet.*one_geometry\.parquet.*dvc repro"):
        build_dataset([source], 0.25, 25.0)


def test_missing_table_is_named(tmp_path: Path) -> None:
    source = make(tmp_path, "one", {"x": 60})
    source.audio.unlink()
    with pytest.raises(UserError, match=r"one_audio\.parquet: no such file"):
        build_dataset([source], 0.25, 25.0)


def test_recording_without_a_face_is_named(tmp_path: Path) -> None:
    good = make(tmp_path, "one", {"x": 60})
    bad = make(tmp_path, "bad", {"x": 60}, seen=np.zeros(60, bool))
    with pytest.raises(UserError, match="recording bad: no frame has a usable face"):
        build_dataset([good, bad], 0.25, 25.0)


@pytest.mark.parametrize(("frames", "fraction", "part"), [(35, 0.125, "test"), (40, 0.6, "train"), (9, 0.5, "train")])
def test_too_little_footage_is_a_clear_error(tmp_path: Path, frames: int, fraction: float, part: str) -> None:
    source = make(tmp_path, "one", {"x": frames})
    with pytest.raises(UserError, match=rf"split\.test_fraction = {fraction} leaves \d+ usable frames to {part} on"):
        build_dataset([source], fraction, 25.0)
