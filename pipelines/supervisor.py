"""Run a command whose processes do not outlive whoever started it: `python supervisor.py COMMAND...`.

psutil finds and ends the processes. What a library cannot give is somebody who does that when the starter is gone, even
by SIGKILL: hence this process between the two. Its standard input is a pipe whose other end the starter holds open and
never writes to. When it closes, by the starter's wish or by the kernel, the command and all its descendants are ended:
by SIGINT, as Ctrl-C would, so that a training saves its checkpoint and DVC releases its locks, then SIGTERM, then
SIGKILL. Unlike PR_SET_PDEATHSIG that is not tied to the starting thread and reaches grandchildren.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import psutil

GRACE = ((signal.SIGINT, 5.0), (signal.SIGTERM, 1.5), (signal.SIGKILL, 1.0))  # seconds to go after each signal
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def main(command: list[str]) -> int:
    """Run the command to its end. Returns its exit status, 128 + n if signal n ended it, 130 if it was ended here."""
    if sys.platform == "linux":
        # Processes that lose their parent become children of this one: it finds them and takes their exit status, which
        # process 1 of a container often does late or never. On other systems only the command's own are found.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Functions, not SIG_IGN: the command starts with the default actions, even if this process ignored SIGINT.
        signal.signal(number, lambda number, frame: end.set())
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_for_starter() -> None:
        os.read(0, 1)
        end.set()

    threading.Thread(target=wait_for_starter, daemon=True).start()
    while child.poll() is None and not end.wait(0.02):
        pass
    status = child.returncode  # psutil takes it below if the command still runs
    _end_descendants()
    if status is None:
        return 128 + signal.SIGINT
    return status if status >= 0 else 128 - status


def _end_descendants() -> None:
    """End what still runs: everything if the starter closed the pipe, stragglers after a normal end."""
    running: list[psutil.Process] = []
    for number, seconds in GRACE:
        running = list({*running, *psutil.Process().children(recursive=True)})
        for process in running:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        running = psutil.wait_procs(running, timeout=seconds)[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
