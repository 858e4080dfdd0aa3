"""Locks between runs, held by the kernel for open files: they go with their holder, however it ends.

A limit in Prefect's database would stay taken after a SIGKILL until its lease runs out, and would count the machines
together. These count per machine and are free again at once.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.process import Stopped, stopping


def device_lock() -> Path:
    """The lock of this machine's compute device: one stage that runs networks at a time, whichever flow it is of."""
    return Path(tempfile.gettempdir()) / f"difftalker-device-{os.getuid()}.lock"


def stage_lock(root: Path | str, name: str) -> Path:
    """The lock of a stage of the project in `root`."""
    return Path(root) / ".dvc" / "tmp" / "flows" / f"{name.replace('/', '+')}.lock"


def flow_lock(root: Path | str, name: str) -> Path:
    """The lock of a flow that runs once at a time in the project in `root`."""
    return stage_lock(root, f"flow:{name}")


@contextmanager
def locked(path: Path, what: str, log: Callable[[str], None], stop: Callable[[], bool]) -> Iterator[int]:
    """Wait for a lock, then hold it.

    Args:
        path: the lock file; its folder is made.
        what: what is waited for, for the log.
        log: called once if there is a wait.
        stop: asked while waiting whether to give up.

    Yields:
        The open file descriptor. A child that inherits it holds the lock, too, as long as it lives.

    Raises:
        Stopped: `stop` said so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        waiting = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    log(f"waiting for {what}")
                    waiting = True
            if stopping() or stop():
                raise Stopped(f"stopped while waiting for {what}")
            time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)
