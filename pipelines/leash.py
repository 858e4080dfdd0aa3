"""Run a command in a process group that does not outlive whoever started it: `python leash.py COMMAND...`.

Standard input is the leash: a pipe whose other end the starting process holds open and never writes to. When it closes
(the starter asks for the end, or is gone, even by SIGKILL) the command's whole group is ended: first SIGINT, as Ctrl-C
would send, so that a training saves its checkpoint and DVC releases its locks, then SIGTERM, then SIGKILL. The kernel
closes the pipe, so nobody has to be alive to do it; unlike PR_SET_PDEATHSIG this is not tied to the starting thread,
reaches grandchildren and works outside of Linux. Only the standard library is imported: this starts before every stage.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import FrameType

GRACE = ((signal.SIGINT, 5.0), (signal.SIGTERM, 1.5), (signal.SIGKILL, 1.0))  # seconds for the group to go, each
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(command: list[str]) -> int:
    """Run the command to its end. Returns its exit status, 128 + n if signal n ended it."""
    pull = threading.Event()
    _adopt_orphans()

    def on_signal(number: int, frame: FrameType | None) -> None:
        pull.set()

    # Functions, not SIG_IGN: the command starts with the default actions, even if this process ignored SIGINT.
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def hold() -> None:
        while os.read(0, 1024):
            pass
        pull.set()

    threading.Thread(target=hold, daemon=True).start()
    while child.poll() is None:
        if pull.wait(0.02):
            break
    _end(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the group: all of it when the leash was pulled, stragglers after a normal end."""
    for number, seconds in GRACE:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _alive(child):
            time.sleep(0.02)
    child.wait()


def _adopt_orphans() -> None:
    """Become the parent of processes of the group whose parent ends.

    They count as alive until somebody takes their exit status. What runs as process 1 in a container often does that
    late, or never.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _alive(child: subprocess.Popen[bytes]) -> bool:
    """Whether a process of the group still runs. Those that have ended are reaped: they would count as members."""
    if child.poll() is not None:
        with suppress(ChildProcessError):
            while os.waitpid(-child.pid, os.WNOHANG)[0]:
                pass
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
