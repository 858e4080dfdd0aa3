"""Commands of a flow: their output as log lines, all their processes ended within 10 s when the flow ends."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from difftalker.compute.parallel import CORES
from difftalker.errors import UserError

SUPERVISOR = Path(__file__).with_name("supervisor.py")

_lock = threading.Lock()
_running: set[subprocess.Popen[str]] = set()
stop_requested = threading.Event()  # nothing new should begin


class Stopped(Exception):
    """The run was cancelled; the command and all its processes have ended."""


@contextmanager
def stopping_at_exit() -> Iterator[None]:
    """For the body of a flow: whatever exception leaves it, first all commands of this process end."""
    stop_requested.clear()
    try:
        yield
    except BaseException:
        stop_all()
        raise


def stop_all() -> None:
    """End all commands of this process; start no more until the next `stopping_at_exit`. Returns when they are gone."""
    with _lock:
        stop_requested.set()
        processes = list(_running)
    for process in processes:
        _end(process)
    for process in processes:
        process.wait()


def command_environment(cores: int | None = None) -> dict[str, str]:
    """The environment of a command: this interpreter first on PATH, output line by line, as many cores as given."""
    path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), os.environ.get("PATH")]))
    limits = {CORES: str(cores), "OMP_NUM_THREADS": str(cores)} if cores else {}
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **limits}


def run_command(
    command: Sequence[str],
    *,
    title: str,
    log: Callable[[str], None],
    cwd: Path | str = ".",
    environment: Mapping[str, str] | None = None,
    stop: Callable[[], bool] = lambda: False,
    holding: Sequence[int] = (),
) -> None:
    """Run a command and wait for it.

    It and its descendants end within 10 s, by SIGINT first, when `stop_all` is called, when `stop` says so, when this
    thread gets an exception, and when this process dies of whatever (`pipelines.supervisor`).

    Args:
        command: program and arguments.
        title: what runs, for messages.
        log: called with each line of output, stdout and stderr mixed, while the command runs; a carriage return ends
            a line, too (progress bars).
        cwd: working directory.
        environment: all of its environment; None means `command_environment()`.
        stop: asked before the start and at least twice a second.
        holding: open file descriptors that stay open until the command and its descendants have ended, even if this
            process is killed: with `flock` on them a lock that ends with the command.

    Raises:
        UserError: the status is not 0; the message names command, status and the line that says why.
        Stopped: it was stopped.
    """
    cancelled = stop()
    with _lock:
        if cancelled or stop_requested.is_set():
            raise Stopped(f"{title}: not started, the run is being stopped")
        process = subprocess.Popen(
            [sys.executable, "-P", str(SUPERVISOR), *command],
            cwd=cwd,
            env=command_environment() if environment is None else environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=tuple(holding),
        )
        _running.add(process)
    tail: deque[str] = deque(maxlen=30)
    try:
        for line in _lines(process):
            if line.strip():
                tail.append(line)
                log(line)
            if stop():
                _end(process)
        stopped = process.stdin is None or process.stdin.closed
    finally:
        _end(process)
        process.wait()
        with _lock:
            _running.discard(process)
    if stopped:
        raise Stopped(f"{title}: stopped, with all its processes")
    if process.returncode:
        errors = [line for line in tail if line.lower().startswith("error:")]
        reason = errors[0] if errors else tail[-1] if tail else "no output"
        raise UserError(f"{title}: failed with status {process.returncode}: {reason}")


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Lines of output until it ends, and an empty one whenever there was none for half a second."""
    found: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                found.put(line.rstrip())
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    ended = False
    while True:
        try:
            line = found.get(timeout=5 if ended else 0.5)  # the last lines may come late on a busy machine
        except queue.Empty:
            if ended:
                return  # something that nobody ended keeps the output open
            ended, line = process.poll() is not None, ""
        if line is None:
            return
        yield line


def _end(process: subprocess.Popen[str]) -> None:
    """Have the supervisor end everything; harmless if it is gone."""
    if process.stdin is not None:
        process.stdin.close()
