"""Downloads from a server on loopback: resumed, verified, whole or absent."""

from __future__ import annotations

import io
import socket
import zipfile
from pathlib import Path

import pytest

from difftalker.errors import UserError
from difftalker.weights import download
from difftalker.weights.download import fetch
from difftalker.weights.store import folder_of, path_of
from difftalker.weights.table import Weight
from tests.weights.serving import CONTENT, Server, sha256, single


def landed(folder: Path) -> list[str]:
    """Files of the cache that are not unfinished downloads."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".part"]


def test_fetches_once_and_reports(server: Server, weight: Weight, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    path = fetch(weight, tmp_path, lambda *state: seen.append(state))
    assert path == path_of(weight, tmp_path) and path.read_bytes() == CONTENT
    assert seen[0] == ("net.bin", 0, len(CONTENT)) and seen[-1] == ("net.bin", len(CONTENT), len(CONTENT))
    assert fetch(weight, tmp_path) == path
    assert server.asked == [0]
    assert list(tmp_path.rglob("*.part")) == []


def test_goes_on_where_the_connection_broke(server: Server, weight: Weight, tmp_path: Path) -> None:
    server.cuts = [1_500_000, 700_000]
    path = fetch(weight, tmp_path)
    assert path.read_bytes() == CONTENT
    first, second, third = server.asked
    assert first == 0 < second < third < len(CONTENT)


def test_next_run_goes_on(server: Server, weight: Weight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    server.cuts = [1_500_000, 0]
    with pytest.raises(UserError, match="the connection keeps breaking; run it again to go on"):
        fetch(weight, tmp_path)
    assert landed(tmp_path) == []
    assert fetch(weight, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] > 1_000_000


def test_server_without_ranges_sends_the_whole(server: Server, weight: Weight, tmp_path: Path) -> None:
    server.cuts, server.ranges = [1_500_000], False
    assert fetch(weight, tmp_path).read_bytes() == CONTENT


def test_halves_of_different_files_are_fetched_anew(server: Server, weight: Weight, tmp_path: Path) -> None:
    server.cuts = [1_500_000, 0, 0, 0, 0, 0]
    with pytest.raises(UserError):
        fetch(weight, tmp_path)
    part = next(tmp_path.rglob("*.part"))
    part.write_bytes(bytes(part.stat().st_size))
    assert fetch(weight, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]), "it is damaged, or another one"),
        (CONTENT[:-1], "it is cut, or another one"),
        (CONTENT + b"0", "it is cut, or another one"),
        (b"<html>not here</html>", "it is cut, or another one"),
    ],
    ids=["tampered", "short", "long", "page"],
)
def test_other_content_does_not_land(
    server: Server, weight: Weight, tmp_path: Path, content: bytes, reason: str
) -> None:
    server.content = content
    with pytest.raises(UserError) as caught:
        fetch(weight, tmp_path)
    message = str(caught.value)
    assert reason in message and server.url in message and "difftalker weights import net PATH" in message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_missing_on_the_server(server: Server, weight: Weight, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(UserError, match=r"net\.bin failed \(the server answers 404 Not Found\); fetch it by hand"):
        fetch(weight, tmp_path)


def test_unreachable_host(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UserError, match="the host cannot be reached") as caught:
        fetch(single(f"http://127.0.0.1:{port}/net.bin"), tmp_path)
    assert "\n" not in str(caught.value) and "difftalker weights import net PATH" in str(caught.value)


def test_damaged_file_is_replaced(weight: Weight, tmp_path: Path) -> None:
    path = fetch(weight, tmp_path)
    path.write_bytes(b"0" * len(CONTENT))
    assert fetch(weight, tmp_path).read_bytes() == CONTENT


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_zip_is_unpacked(server: Server, tmp_path: Path) -> None:
    server.content = zipped("inside.bin", CONTENT)
    server.cuts = [1_000_000]
    path = fetch(single(f"{server.url}/net.zip", member="inside.bin"), tmp_path)
    assert path.name == "net.bin" and path.read_bytes() == CONTENT
    assert landed(tmp_path) == ["net.bin"] and list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize("name", ["../inside.bin", "/tmp/inside.bin", "other.bin"])
def test_zip_with_another_name_writes_nothing(server: Server, tmp_path: Path, name: str) -> None:
    server.content = zipped(name, CONTENT)
    cache = tmp_path / "a/b/cache"
    with pytest.raises(UserError, match=r"does not hold inside\.bin"):
        fetch(single(f"{server.url}/net.zip", member="inside.bin"), cache)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_damaged_zip(server: Server, tmp_path: Path) -> None:
    content = bytearray(zipped("inside.bin", CONTENT))
    content[1_000_000:1_000_100] = bytes(100)
    server.content = bytes(content)
    with pytest.raises(UserError, match="not a sound zip archive"):
        fetch(single(f"{server.url}/net.zip", member="inside.bin"), tmp_path)
    assert landed(tmp_path) == []


def test_own_file_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a file of your own"):
        fetch(single(None), tmp_path)


def test_each_address_has_its_own_unfinished_download(server: Server, weight: Weight, tmp_path: Path) -> None:
    server.cuts = [1_500_000, 0, 0, 0, 0, 0]
    with pytest.raises(UserError):
        fetch(weight, tmp_path)
    fetch(single(f"{server.url}/mirror/net.bin"), tmp_path)
    assert server.asked[-1] == 0
    assert sha256((folder_of(weight, tmp_path) / "net.bin").read_bytes()) == weight.files[0].hash
