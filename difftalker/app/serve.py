"""The app as a local server: offline, without analytics, and gone without a trace when it ends."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from difftalker.app.jobs import FaceLoaders, JobRunner
from difftalker.app.limits import Limits
from difftalker.errors import UserError

INSTALL = 'pip install "gradio>=6.31,<7"'

# Gradio sends and fetches nothing of its own, and keeps uploads where this program deletes them.
_OFFLINE = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def require_gradio() -> None:
    """Check that the extra `app` is installed.

    Raises:
        UserError: it is not.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError(f"the app needs the package gradio, which is not installed; run: {INSTALL}")


def serve(faces: FaceLoaders, limits: Limits, host: str, port: int, browser: bool) -> None:
    """Run the app until Ctrl-C or SIGTERM. Uploads and results go when it ends.

    Args:
        faces: name to loader of every face to offer.
        limits: of what visitors may upload.
        host: address to bind to.
        port: port to bind to; 0 takes a free one.
        browser: whether to open the page in the system's browser.

    Raises:
        UserError: gradio is not installed, or host or port cannot be bound to.
    """
    require_gradio()
    port = _available(host, port)
    if not is_loopback(host):
        print(
            f"warning: --host {host}: everyone who reaches this machine can use the app, without a password",
            file=sys.stderr,
        )
    with _surroundings() as folder, _ending() as ended:
        # After the environment is set: gradio reads it when it is imported.
        from difftalker.app.page import PAGE_STYLE, build_page_layout, theme

        runner = JobRunner(faces, limits, folder)
        page = build_page_layout(runner)
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            inbrowser=browser,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            footer_links=[],
            max_file_size=limits.megabytes * 2**20,
            theme=theme(),
            css=PAGE_STYLE,
        )
        print(f"The app is at {url} (Ctrl-C ends it)", flush=True)
        try:
            ended.wait()
        finally:
            runner.stop_all()
            page.close(verbose=False)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that binds to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _available(host: str, port: int) -> int:
    """The port, if a server can bind to it; a free one for 0."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"--host {host} --port {port}: cannot be used ({reason.lower()}); give others") from None


@contextmanager
def _surroundings() -> Iterator[Path]:
    """Gradio's environment, with a folder for uploads and results that goes with everything in it."""
    with tempfile.TemporaryDirectory(prefix="difftalker-app-", ignore_cleanup_errors=True) as name:
        settings = {**_OFFLINE, "GRADIO_TEMP_DIR": name}
        before = {key: os.environ.get(key) for key in settings}
        os.environ.update(settings)
        try:
            yield Path(name)
        finally:
            for key, value in before.items():
                if value is None:
                    del os.environ[key]
                else:
                    os.environ[key] = value


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C acts as ever."""
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)

    def end(*_: object) -> None:
        restore()
        ended.set()

    for kind in before:
        signal.signal(kind, end)
    try:
        yield ended
    finally:
        restore()
