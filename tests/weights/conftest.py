"""A server on loopback that misbehaves as told, and a weight that it serves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from difftalker.weights.table import Weight
from tests.weights.serving import Server, single


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
            state.asked.append(start)
            if state.status != 200:
                return self.send_error(state.status)
            if start >= len(state.content):
                return self.send_error(416)
            whole = start == 0 or not state.ranges
            body = state.content if whole else state.content[start:]
            self.send_response(200 if whole else 206)
            self.send_header("Content-Length", str(len(body)))
            if not whole:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            self.end_headers()
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        state.url = f"http://127.0.0.1:{running.server_address[1]}"
        yield state
        running.shutdown()


@pytest.fixture
def weight(server: Server) -> Weight:
    return single(f"{server.url}/net.bin")
