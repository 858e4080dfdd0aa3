"""A process that reads damaged inputs, watched from outside: time, memory, life."""

from __future__ import annotations

import ast
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import psutil

from tests.fuzz.kinds import KINDS
from tests.project import ROOT

_SECONDS, _BYTES = 20.0, 3 * 2**30


def prepare(kind: str, folder: Path) -> None:
    """Write the whole files of a kind."""
    (folder / kind).mkdir()
    KINDS[kind].prepare(folder / kind)


class Reader:
    """Reads inputs in another process, which is started anew after a defect.

    Args:
        prepared: folder with the whole files of all kinds.
    """

    def __init__(self, prepared: Path) -> None:
        self._prepared = prepared
        self._process: subprocess.Popen[str] | None = None

    def read(self, kind: str, seed: int) -> str:
        """How reading an input ended: `read`, `refused`, or the defect in words."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuzz.worker", str(self._prepared)],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._process.stdout is not None
            assert self._process.stdout.readline() == "ready\n"  # its start takes seconds, which are not the input's
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{kind} {seed}\n")
        process.stdin.flush()
        seen, started = psutil.Process(process.pid), time.monotonic()
        while not select.select([process.stdout], [], [], 0.1)[0]:
            if time.monotonic() - started > _SECONDS:
                return self._stop(f"more than {_SECONDS:g} s")
            if seen.memory_info().rss > _BYTES:
                return self._stop("more than 3 GiB")
        answer = process.stdout.readline()
        if not answer:
            return f"the process ended with status {process.wait()}"
        return str(ast.literal_eval(answer))

    def _stop(self, reason: str) -> str:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        return reason

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._process is not None and self._process.poll() is None:
            self._stop("")
