"""Commands of a flow: each in a process group of its own, its output as log lines, ended whole within 10 s."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from difftalker.errors import UserError
from pipelines import leash

TAIL = 30  # lines of output that a failure carries
POLL = 2.0  # seconds between two questions whether to stop
END = sum(seconds for _, seconds in leash.GRACE) + 1.5  # a leash is gone by then

_lock = threading.Lock()
_running: set[subprocess.Popen[bytes]] = set()
_stopping = threading.Event()


class Stopped(Exception):
    """The run was cancelled; the command and all its processes have ended."""


class CommandFailed(UserError):
    """A command ended with another status than 0. The message names command, status and last line of output."""

    def __init__(self, title: str, status: int, tail: Sequence[str]) -> None:
        self.status, self.tail = status, tuple(tail)
        errors = [line for line in tail if line.lower().startswith("error:")]
        reason = errors[0] if errors else next(reversed(tail), "no output")
        super().__init__(f"{title}: failed with status {status}: {reason}")


@contextmanager
def stopping_at_exit() -> Iterator[None]:
    """For the body of a flow: whatever exception leaves it, first all commands of this process end."""
    _stopping.clear()
    try:
        yield
    except BaseException:
        stop_all()
        raise


def stop_all() -> None:
    """End all commands of this process; start no more until the next `stopping_at_exit`. Returns when they are gone."""
    _stopping.set()
    with _lock:
        processes = list(_running)
    for process in processes:
        _pull(process)
    deadline = time.monotonic() + END
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def stopping() -> bool:
    """Whether `stop_all` was called: nothing new should begin."""
    return _stopping.is_set()


def run_command(
    command: Sequence[str],
    *,
    title: str,
    log: Callable[[str], None],
    cwd: Path | str = ".",
    environment: Mapping[str, str] | None = None,
    stop: Callable[[], bool] | None = None,
    holding: Sequence[int] = (),
) -> None:
    """Run a command and wait for it.

    Its group ends within 10 s, by SIGINT first, when `stop_all` is called, when `stop` says so, when this thread gets
    an exception, and when this process dies of whatever (`pipelines.leash`).

    Args:
        command: program and arguments.
        title: what runs, for messages.
        log: called with each line of output, stdout and stderr mixed, while the command runs.
        cwd: working directory.
        environment: all of its environment; None passes on this process's.
        stop: asked before the start and every two seconds.
        holding: open file descriptors that stay open until the command and its group have ended, even if this process
            is killed: with `flock` on them a lock that ends with the command.

    Raises:
        CommandFailed: the status is not 0.
        Stopped: it was stopped.
    """
    if stopping() or (stop is not None and stop()):
        raise Stopped(f"{title}: not started, the run is being stopped")
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", str(Path(leash.__file__)), *command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=tuple(holding),
    )
    with _lock:
        _running.add(process)
    tail: deque[str] = deque(maxlen=TAIL)
    stopped = False
    try:
        for line in _lines(process, stop):
            tail.append(line)
            log(line)
        stopped = stopping() or (process.stdin is not None and process.stdin.closed)
        process.wait(END)
    finally:
        _pull(process)
        with _lock:
            _running.discard(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if stopped:
        raise Stopped(f"{title}: stopped, with all its processes")
    if process.returncode:
        raise CommandFailed(title, process.returncode, list(tail))


def _lines(process: subprocess.Popen[bytes], stop: Callable[[], bool] | None) -> Iterator[str]:
    """Lines of output until it ends; a carriage return ends a line too (progress bars). Pulls the leash if told to."""
    assert process.stdout is not None
    rest = b""
    asked = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=0.5):
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    break
                *whole, rest = re.split(rb"[\r\n]+", rest + piece)
                yield from filter(str.strip, (line.decode(errors="replace").rstrip() for line in whole))
            elif process.poll() is not None:
                break  # something that left the group keeps the output open
            if stopping():
                _pull(process)
            elif stop is not None and time.monotonic() - asked >= POLL:
                asked = time.monotonic()
                if stop():
                    _pull(process)
    if rest.strip():
        yield rest.decode(errors="replace").rstrip()


def _pull(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
