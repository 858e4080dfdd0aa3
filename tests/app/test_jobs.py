"""The work behind the page, without a page."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from difftalker import TalkingFace
from difftalker.app.jobs import KEPT_SECONDS, JobRequest, JobRunner
from difftalker.app.limits import Limits
from difftalker.dub.settings import Interrupted
from difftalker.errors import UserError
from difftalker.media.wav import write_wav
from difftalker.provenance.reading import read_credentials
from tests.dub.tiny_face import tiny_face
from tests.footage import empty_room, noise, portrait, write_footage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("app")
    tiny_face(path / "face", footage=[portrait()] * 8)
    write_wav(path / "speech.wav", [noise(0.4)])
    write_footage(path / "room.mp4", [empty_room()] * 4)
    return path


@pytest.fixture
def runner(folder: Path, tmp_path: Path) -> JobRunner:
    return JobRunner({"tiny": lambda: TalkingFace.load(folder / "face")}, Limits(), tmp_path)


def test_a_job_gives_files_and_tells_how_far_it_is(runner: JobRunner, folder: Path) -> None:
    told: list[tuple[float, str]] = []
    job_result = runner.preview(
        JobRequest("tiny", str(folder / "speech.wav")), "a", lambda part, text: told.append((part, text))
    )
    assert [path.name for path in job_result.files] == ["speech-landmarks.mp4", "speech-landmarks.parquet"]
    assert all(path.stat().st_size for path in job_result.files) and job_result.warnings == ()
    assert told[-1] == (1.0, "Drawing") and all(0 <= part <= 1 for part, _ in told)
    film = runner.dub(
        JobRequest("tiny", str(folder / "speech.wav"), points=str(job_result.files[1])), "a", lambda *_: None
    ).files
    assert [path.name for path in film] == ["speech-dubbed.mp4"]
    credentials = read_credentials(film[0])
    assert credentials is not None and credentials.problems == () and credentials.own


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"face": "tiny"}, "No sound yet"),
        ({"face": None, "audio": "speech.wav"}, "No face is chosen"),
        ({"face": "tiny", "audio": "speech.wav", "video": "room.mp4"}, "no face found"),
        ({"face": "tiny", "audio": "speech.wav", "points": "speech.wav"}, "not a readable Parquet file"),
    ],
)
def test_a_failed_job_leaves_nothing(runner: JobRunner, folder: Path, job: dict[str, str], message: str) -> None:
    given = {key: str(folder / value) if value and "." in value else value for key, value in job.items()}
    with pytest.raises(UserError, match=message):
        runner.dub(JobRequest(**given), "a", lambda *_: None)  # type: ignore[arg-type]
    assert list(runner.folder.iterdir()) == []


def test_only_the_visitor_s_own_job_is_stopped(runner: JobRunner, folder: Path) -> None:
    def stop(visitor: str) -> None:
        runner.stop(visitor)

    job = JobRequest("tiny", str(folder / "speech.wav"))
    assert runner.dub(job, "a", lambda *_: stop("b")).files
    with pytest.raises(Interrupted):
        runner.preview(job, "b", lambda *_: stop("b"))
    assert len(list(runner.folder.iterdir())) == 1  # of the first


def test_a_stop_before_the_job_s_turn_counts(runner: JobRunner, folder: Path) -> None:
    job = JobRequest("tiny", str(folder / "speech.wav"))
    runner.announce("a")
    runner.stop("a")
    with pytest.raises(Interrupted):
        runner.dub(job, "a", lambda *_: None)
    assert list(runner.folder.iterdir()) == []
    runner.stop("a")  # too late for that job, and not for the next one
    assert runner.dub(job, "a", lambda *_: None).files


def test_stop_all_waits_for_the_work(runner: JobRunner, folder: Path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        with pytest.raises(Interrupted):
            runner.preview(JobRequest("tiny", str(folder / "speech.wav")), "a", lambda *_: begun.set())
        ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(60)
    runner.stop_all()
    thread.join(60)
    assert ended.is_set() and list(runner.folder.iterdir()) == []


def test_old_results_go(runner: JobRunner, folder: Path) -> None:
    old = runner.folder / "job-old"
    old.mkdir()
    os.utime(old, (time.time() - KEPT_SECONDS - 1,) * 2)
    (runner.folder / "job-new").mkdir()
    with pytest.raises(UserError):
        runner.dub(JobRequest(None, str(folder / "speech.wav")), "a", lambda *_: None)
    assert [path.name for path in runner.folder.iterdir()] == ["job-new"]
