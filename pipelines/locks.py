"""What a stage waits for: locks between runs, and its share of this machine's cores.

The locks are held by the kernel for open files: they go with their holder, however it ends. A limit in Prefect's
database would stay taken after a SIGKILL until its lease runs out, and would count the machines together.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import get_run_logger

from difftalker.compute.parallel import usable_cores
from pipelines.process import Stopped, stop_requested
from pipelines.runtime import cancellation

_changed = threading.Condition()
_busy: list[int] = []  # for each stage without networks that runs, how many cores it uses


def device_lock() -> Path:
    """The lock of this machine's compute device: one stage that runs networks at a time, whichever flow it is of."""
    return Path(tempfile.gettempdir()) / f"difftalker-device-{os.getuid()}.lock"


def project_lock(root: Path | str, name: str) -> Path:
    """The lock of a stage of the project in `root`, or of a flow that runs once at a time in it: `flow:NAME`."""
    return Path(root) / ".dvc/tmp/flows" / f"{name.replace('/', '+')}.lock"


@contextmanager
def locked(path: Path, what: str) -> Iterator[int]:
    """Wait for a lock in the present flow or task, then hold it.

    Args:
        path: the lock file; its folder is made.
        what: what is waited for; logged if there is a wait, which ends by `Stopped` if the run is cancelled meanwhile.

    Yields:
        The open file descriptor. A child that inherits it holds the lock, too, as long as it lives.
    """
    stop = cancellation()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for attempt in itertools.count():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 0:
                    get_run_logger().info(f"waiting for {what}")
            if stop_requested.is_set() or stop():
                raise Stopped(f"stopped while waiting for {what}")
            time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def cpu_place(sharing: int, stop: Callable[[], bool]) -> Iterator[int | None]:
    """Wait for one of this process's places for stages without networks, then hold it.

    Such a stage spreads its work over all cores that it may use, at a price: processes to start, pictures to send to
    them, parts that run on one core all the same. Where several can run side by side, as for several recordings, each
    gets its share of the cores instead, as a number: which ones is left to the system, so that none rests. A stage
    alone gets all. Half as many stages again may run at the same time: they fill the others' waits.

    Args:
        sharing: how many stages like this one there are to run side by side.
        stop: asked while waiting whether to give up, by `Stopped`.

    Yields:
        How many cores to use; None for all.
    """
    cores = usable_cores()
    parts = max(1, min(sharing, cores))
    share = cores // parts
    with _changed:
        while len(_busy) >= parts + (parts + 1) // 2:
            if stop_requested.is_set() or stop():
                raise Stopped("stopped before it began")
            _changed.wait(0.5)
        _busy.append(share)
    try:
        yield share if parts > 1 else None
    finally:
        with _changed:
            _busy.remove(share)
            _changed.notify_all()
