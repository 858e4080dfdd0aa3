"""The app as users have it: a server process, and a real browser in front of it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from difftalker.media.wav import write_wav
from tests.app.browser import CHROMIUM, browser
from tests.app.server import Server, running
from tests.dub.tiny_face import tiny_face
from tests.footage import noise, portrait, write_footage

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found; name one in the variable CHROMIUM")

_WAIT = 90_000  # milliseconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("app")
    tiny_face(path / "face", "Astronaut", [portrait()] * 15)
    for name, seconds in (("speech", 1.2), ("longer", 5.8), ("long", 7.0)):
        write_wav(path / f"{name}.wav", [noise(seconds)])
    (path / "corrupt.wav").write_bytes(b"RIFF" + bytes(range(256)) * 8)
    (path / "large.wav").write_bytes(bytes(2 * 2**20))
    write_footage(path / "base.mp4", [portrait()] * 25)
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with running(folder / "face", folder / "tmp", "--max-minutes", "0.1", "--max-upload", "1") as one:
        yield one


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture
def page(server: Server, chromium: Any) -> Iterator[Any]:
    one = chromium.new_page(viewport={"width": 1200, "height": 900})
    asked: list[str] = []
    one.on("request", lambda request: asked.append(request.url))
    one.set_default_timeout(_WAIT)
    one.goto(server.url)
    one.wait_for_selector("#make")
    yield one
    one.close()
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert outside == []  # it works offline


def upload(page: Any, path: Path) -> None:
    page.set_input_files("#audio input[type=file]", str(path))


def said(page: Any, kind: str, place: str = "#status") -> str:
    return str(page.wait_for_selector(f"{place} .say.{kind}").inner_text())


def test_only_this_machine_is_served(server: Server) -> None:
    port = int(server.url.rstrip("/").rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 5):
        pass
    with pytest.raises(ConnectionRefusedError):  # an address that a server on all interfaces would answer, too
        socket.create_connection(("127.0.0.2", port), 5)


def test_files_of_the_machine_are_not_served(server: Server, folder: Path) -> None:
    for path in (folder / "face/face.json", folder / "speech.wav", Path("/etc/hostname")):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{server.url}gradio_api/file={path}", timeout=30)
        assert caught.value.code == 403


@needs_browser
def test_upload_preview_make_play_download(page: Any, folder: Path) -> None:
    upload(page, folder / "speech.wav")
    assert said(page, "done", "#note") == "1.2 s of sound"
    page.click("#preview")
    page.wait_for_selector("#film video")
    assert "landmarks" in said(page, "done")
    with page.expect_download() as points:
        page.click("#download-points")
    assert points.value.suggested_filename == "speech-landmarks.parquet"

    page.click("#make")
    page.wait_for_selector("#result video")
    assert "synthetic" in said(page, "done")
    played = page.evaluate(
        """async () => {
            const video = document.querySelector("#result video");
            video.muted = true;
            await video.play();
            for (let i = 0; i < 200 && video.currentTime < 0.2; i++) await new Promise(r => setTimeout(r, 50));
            return [video.readyState, video.currentTime, video.duration, video.videoWidth, video.videoHeight];
        }"""
    )
    assert played[0] >= 2 and played[1] >= 0.2
    assert played[2] == pytest.approx(1.2, abs=0.1) and played[3:] == [280, 280]
    with page.expect_download() as film:
        page.click("#download")
    assert film.value.suggested_filename == "speech-dubbed.mp4"
    with av.open(film.value.path()) as container:
        assert "mp4" in container.format.name and container.streams.video[0].frames == 30
        assert "Synthetic" in container.metadata["comment"]


@needs_browser
@pytest.mark.parametrize(
    ("name", "message"), [("long.wav", "longer than 0.1 minutes"), ("corrupt.wav", "not a readable")]
)
def test_unusable_sounds_are_explained(page: Any, folder: Path, name: str, message: str) -> None:
    upload(page, folder / name)
    assert message in said(page, "error", "#note")
    page.click("#make")
    text = said(page, "error")
    assert message in text and text.startswith(name)
    page.wait_for_selector("#make:not([disabled])")


@needs_browser
def test_a_job_can_be_stopped(page: Any, folder: Path, server: Server) -> None:
    upload(page, folder / "longer.wav")
    said(page, "done", "#note")
    before = set(server.left())
    page.click("#make")
    page.click("#stop")
    page.wait_for_function("document.querySelector('#status').innerText.includes('Stopped')")
    page.wait_for_selector("#make:not([disabled])")
    assert not page.is_visible("#result") and set(server.left()) <= before


@needs_browser
def test_too_large_a_file_is_refused(page: Any, folder: Path, server: Server) -> None:
    upload(page, folder / "large.wav")
    page.wait_for_selector("[data-testid=toast-body]")
    assert not [path for path in server.left() if path.name == "large.wav"]


@needs_browser
def test_without_a_sound(page: Any) -> None:
    page.click("#make")
    assert "No sound yet" in said(page, "error")


def test_nothing_is_left_at_the_end(server: Server) -> None:
    assert server.end() == 0
    assert server.left() == []
