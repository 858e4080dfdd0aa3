"""Landmarks that can be seen and changed before anything is painted."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from difftalker import TalkingFace
from difftalker.cli.main import main
from difftalker.completion.landmark_file import read_completed, write_completed
from difftalker.dub.settings import DubSettings, Interrupted
from difftalker.errors import UserError
from difftalker.face.draw import FOOTER_HEIGHT, PANEL_SIDE
from difftalker.media.wav import write_wav
from tests.dub.tiny_face import tiny_face
from tests.footage import noise, portrait
from tests.provenance.unsigned import unsigned


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("preview")
    tiny_face(path / "face", footage=[portrait()] * 8)
    write_wav(path / "speech.wav", [noise(0.4)])
    return path


@pytest.fixture(scope="module")
def face(folder: Path) -> TalkingFace:
    return TalkingFace.load(folder / "face")


def test_film_and_file(face: TalkingFace, folder: Path, tmp_path: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    report = face.preview(
        folder / "speech.wav",
        tmp_path / "p.mp4",
        parquet=tmp_path / "p.parquet",
        progress=lambda *step: stages.append(step),
    )
    with av.open(str(tmp_path / "p.mp4")) as film:
        frames = list(film.decode(video=0))
        assert film.streams.audio and "Synthetic" in film.metadata["comment"]
    assert len(frames) == report.frames == 10 and (frames[0].width, frames[0].height) == (
        2 * PANEL_SIDE,
        PANEL_SIDE + FOOTER_HEIGHT,
    )
    assert stages[-1] == ("draw", 10, 10) and ("detect", 16, 16) in stages
    points = read_completed(tmp_path / "p.parquet", 10)
    np.testing.assert_array_equal(points, face.landmarks(folder / "speech.wav"))
    assert pq.read_table(tmp_path / "p.parquet").column("clip").to_pylist() == ["speech"] * 10


def test_dub_from_the_file(face: TalkingFace, folder: Path, tmp_path: Path) -> None:
    """Unchanged points give the same film, changed ones another, and wrong ones none."""
    sound = folder / "speech.wav"
    points = face.landmarks(sound)
    write_completed(tmp_path / "p.parquet", points, 25.0, "base", "speech")
    films = [tmp_path / f"{name}.mp4" for name in ("plain", "same", "other")]
    face.dub(sound, films[0])
    face.dub(sound, films[1], landmarks=tmp_path / "p.parquet")
    points[:, 57] += 0.1
    write_completed(tmp_path / "p.parquet", points, 25.0, "base", "speech")
    face.dub(sound, films[2], landmarks=tmp_path / "p.parquet")
    plain, same, other = (unsigned(film) for film in films)
    assert plain == same != other

    write_completed(tmp_path / "p.parquet", points[:7], 25.0, "base", "speech")
    before = set(tmp_path.iterdir())
    for make in (face.dub, face.preview):
        with pytest.raises(UserError, match=r"p.parquet: has 7 rows where the sound has 10 frames"):
            make(sound, tmp_path / "none.mp4", landmarks=tmp_path / "p.parquet")
    assert set(tmp_path.iterdir()) == before


def test_gain_and_smoothing(face: TalkingFace, folder: Path) -> None:
    def opening(**choices: float) -> np.ndarray:
        points = face.landmarks(folder / "speech.wav", settings=DubSettings(**choices))  # type: ignore[arg-type]
        return np.asarray(np.linalg.norm(points[:, 66] - points[:, 62], axis=1))

    plain = opening()
    np.testing.assert_allclose(opening(mouth_gain=1.5), 1.5 * plain, rtol=0.02)
    assert np.abs(np.diff(opening(smoothing=0.1), 2)).mean() < np.abs(np.diff(plain, 2)).mean()


def test_nothing_is_left_when_stopped(face: TalkingFace, folder: Path, tmp_path: Path) -> None:
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 18  # while drawing: detecting asks 16 times

    with pytest.raises(Interrupted):
        face.preview(folder / "speech.wav", tmp_path / "p.mp4", cancel=cancel)
    assert list(tmp_path.iterdir()) == []


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, points = tmp_path / "p.mp4", tmp_path / "p.parquet"
    command = ["landmarks", "--audio", str(folder / "speech.wav"), "--face", str(folder / "face"), "-o", str(film)]
    with pytest.raises(SystemExit) as status:
        main([*command, "--parquet", str(points), "--mouth-gain", "1.2", "--smoothing", "0.05"])
    assert status.value.code == 0
    said = capsys.readouterr().out
    assert "10 frames, 0.40 s" in said and f"--landmarks {points}" in said
    made = film.read_bytes()
    with pytest.raises(SystemExit) as status:
        main(command)
    error = capsys.readouterr().err
    assert status.value.code == 1 and "exists" in error and error.count("\n") == 1 and film.read_bytes() == made
    with pytest.raises(SystemExit) as status:
        main([*command, "--overwrite", "--landmarks", str(points)])
    assert status.value.code == 0


@pytest.mark.parametrize("name", ["p.mkv", "p"])
def test_other_containers(face: TalkingFace, folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"name the output \.mp4"):
        face.preview(folder / "speech.wav", tmp_path / name)
