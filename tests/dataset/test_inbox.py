from __future__ import annotations

import threading
from pathlib import Path

import pytest

from difftalker.dataset.inbox import STATE, Arrival, Inbox
from difftalker.errors import UserError


class Watch:
    """An inbox with a clock that the test sets, and what it announced and said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, 0.0
        self.announced: list[Arrival] = []
        self.lines: list[str] = []
        self.error: Exception | None = None
        self.restart()

    def restart(self) -> None:
        self.inbox = Inbox(self.folder, self.announce, self.lines.append, unchanged_seconds=10, clock=lambda: self.now)

    def announce(self, arrival: Arrival) -> None:
        if self.error is not None:
            raise self.error
        self.announced.append(arrival)

    def look(self, after: float = 0) -> list[str]:
        """Names announced by a look so many seconds later."""
        self.now += after
        before = len(self.announced)
        self.inbox.look()
        return [arrival.name for arrival in self.announced[before:]]

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "inbox")


def test_new_footage_is_announced_once(watch: Watch) -> None:
    assert watch.look() == []
    watch.put("anna/one.mp4", "video")
    assert watch.look() == []
    assert watch.look(after=11) == ["anna"]
    assert watch.look(after=100) == []
    watch.put("ben/one.mp4", "video")
    assert watch.look() == [] and watch.look(after=11) == ["ben"]


def test_once_also_after_a_restart(watch: Watch) -> None:
    watch.put("anna/one.mp4", "video")
    watch.look()
    assert watch.look(after=11) == ["anna"]
    watch.restart()
    assert watch.look() == [] and watch.look(after=100) == []
    watch.put("ben/one.mp4", "video")
    watch.look()
    watch.restart()  # before it was at rest
    assert watch.look() == [] and watch.look(after=11) == ["ben"]


def test_file_that_is_still_copied_waits(watch: Watch) -> None:
    for size in range(1, 6):
        watch.put("anna/one.mp4", "x" * size)
        assert watch.look(after=9) == []
    assert watch.look(after=5) == []
    assert watch.look(after=6) == ["anna"]


def test_more_footage_in_the_same_folder_is_news(watch: Watch) -> None:
    watch.put("anna/one.mp4", "video")
    watch.look()
    watch.look(after=11)
    watch.put("anna/two.mp4", "video")
    assert watch.look() == [] and watch.look(after=11) == ["anna"]
    keys = [arrival.key for arrival in watch.announced]
    assert len(set(keys)) == 2 and all(key.startswith("inbox-anna-") for key in keys)


def test_empty_folders_hidden_ones_and_files_are_nothing(watch: Watch) -> None:
    (watch.folder / "empty").mkdir()
    watch.put(".copying/one.mp4", "video")
    (watch.folder / "stray.mp4").write_text("video")
    watch.look()
    assert watch.look(after=11) == []


def test_refused_footage_is_said_once(watch: Watch) -> None:
    watch.put("anna/one.mp4", "no video")
    watch.error = UserError("anna/one.mp4: is no video")
    watch.look()
    watch.look(after=11)
    watch.look(after=11)
    assert watch.lines == [f"{watch.folder / 'anna'}: refused: anna/one.mp4: is no video"]
    watch.error = None
    watch.put("anna/one.mp4", "a video now")
    watch.look()
    assert watch.look(after=11) == ["anna"]


def test_server_that_does_not_answer_is_tried_again(watch: Watch) -> None:
    watch.put("anna/one.mp4", "video")
    watch.error = ConnectionError("refused")
    watch.look()
    watch.look(after=11)
    assert watch.lines == [f"{watch.folder / 'anna'}: ConnectionError: refused; tried again soon"]
    watch.error = None
    assert watch.look(after=1) == ["anna"]


def test_damaged_state_is_one_line(watch: Watch) -> None:
    (watch.folder / STATE).write_text("{")
    with pytest.raises(UserError, match="delete it"):
        watch.restart()


def test_watch_goes_on_after_an_error(tmp_path: Path) -> None:
    end = threading.Event()
    looks = []

    class Failing(Inbox):
        def look(self) -> None:
            looks.append(1)
            if len(looks) == 3:
                end.set()
            raise OSError("disk")

    Failing(tmp_path, print, print).watch(end, interval=0.01)
    assert len(looks) == 3
