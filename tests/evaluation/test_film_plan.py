"""Which films are planned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.evaluation.film_folder import FilmRecord, film_path, read_records, source_film_path, write_records
from difftalker.evaluation.film_plan import FILM_KINDS, PlannedFilm, clip_parts, plan_films


def dataset(clips: dict[tuple[str, str], str]) -> Dataset:
    """Frames by recording and clip, one letter each: t(rain), e(xam), g(ap), x (invalid)."""
    names = {"t": "train", "e": "test", "g": "gap", "x": "invalid"}
    keys = [(*key, frame, names[letter]) for key, text in clips.items() for frame, letter in enumerate(text)]
    recording, clip, frame, split = (np.array(column) for column in zip(*keys, strict=True))
    n = len(frame)
    row = np.concatenate([np.arange((recording == name).sum()) for name in dict.fromkeys(recording.tolist())])
    zeros = np.zeros((n, 4), np.float32)
    landmarks, features = np.zeros((n, 68, 2), np.float32), np.zeros((n, 16, 29), np.float32)
    return Dataset(recording, clip, frame, frame / 25, row, split, landmarks, features, zeros, 25.0)


LONG = {"own": 99.0, "detected": 99.0, "driven": 99.0, "voice": 99.0}


def test_one_clip_speaks_its_end_over_its_beginning() -> None:
    planned_films = plan_films(dataset({("a", "c"): "t" * 60 + "g" * 8 + "e" * 20}), LONG)
    assert [(planned.kind, planned.first, planned.frames, planned.base_first) for planned in planned_films] == [
        ("own", 68, 20, 68),
        ("detected", 68, 20, 68),
        ("driven", 68, 20, 0),
        ("voice", 68, 16, 0),  # the last of 16 frames says what frame 15 * 1.25 = 18.75 of the speech does
    ]
    assert planned_films[0].name == planned_films[2].name == "a-c-000068" and planned_films[2].source == "a-c-000000"


def test_test_clips_are_spread_over_the_training_clips() -> None:
    clips = {("a", f"c{i}"): "t" * 10 for i in range(6)} | {("a", f"d{i}"): "e" * 10 for i in range(3)}
    planned_films = [planned for planned in plan_films(dataset(clips), LONG) if planned.kind == "driven"]
    assert [(planned.clip, planned.base_clip) for planned in planned_films] == [
        ("d0", "c0"),
        ("d1", "c2"),
        ("d2", "c4"),
    ]


def test_pictures_are_taken_where_most_faces_are_usable() -> None:
    planned_films = plan_films(dataset({("a", "c"): "ttxttxtttttttttxxtttttttt" + "e" * 7}), LONG)
    driven = next(planned for planned in planned_films if planned.kind == "driven")
    assert (driven.base_first, driven.frames) == (6, 7)
    assert clip_parts(dataset({("a", "c"): "xetxe"}), "test", "a")[0].usable.tolist() == [True, False, False, True]


def test_speech_is_cut_where_no_training_clip_is_long_enough() -> None:
    planned_films = plan_films(dataset({("a", "c"): "t" * 9, ("a", "d"): "t" * 12, ("a", "e"): "e" * 30}), LONG)
    assert [(planned.kind, planned.base_clip, planned.frames) for planned in planned_films] == [
        ("own", "e", 30),
        ("detected", "e", 30),
        ("driven", "d", 12),
        ("voice", "d", 9),
    ]


def test_seconds_are_shared_among_recordings_and_little_is_left_out() -> None:
    clips = {(name, clip): part * 20 for name in "ab" for clip, part in (("c", "t"), ("d", "e"), ("f", "e"))}
    planned_films = plan_films(dataset(clips), {"own": 2.0, "driven": 0.4})  # 25 and 5 frames for each recording
    assert [(planned.kind, planned.recording, planned.clip, planned.frames) for planned in planned_films] == [
        *(("own", name, "d", 20) for name in "a"),
        *(("own", name, "d", 20) for name in "b"),
    ]
    assert plan_films(dataset(clips), {}) == []


def test_times_of_the_speech() -> None:
    planned = PlannedFilm("voice", "a", "c", 10, 4, "c", 0, 1.25)
    assert planned.spoken_at(np.arange(4)).tolist() == [10, 11.25, 12.5, 13.75]


def test_records_are_read_as_written(tmp_path: Path) -> None:
    records = [FilmRecord(PlannedFilm(kind, "a", "c", 3, 9, "d", 1), (8, 16), ((2, 4), (8, 9))) for kind in FILM_KINDS]
    write_records(tmp_path, records)
    assert read_records(tmp_path) == records
    assert records[0].painted.tolist() == [True, True, False, False, True, True, True, True, False]
    planned = records[2].planned
    assert film_path(tmp_path, planned) == tmp_path / "driven/a-c-000003.mkv"
    assert source_film_path(tmp_path, planned) == tmp_path / "sources/a-d-000001.mkv"


@pytest.mark.parametrize("text", [None, "{", "[{}]", '[{"planned": {"x": 1}}]', "3"])
def test_no_records_are_one_clear_line(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "films.json").write_text(text)
    with pytest.raises(UserError, match=r"films\.json: missing or not readable; run `dvc repro make_films`"):
        read_records(tmp_path)
