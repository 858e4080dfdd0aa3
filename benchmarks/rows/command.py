"""How long the command takes to answer: its help, and a wrong option."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Scale, Timing

TITLE = "`difftalker --help`, a wrong option (the slower)"
PEER = ""
UNIT = "s"
GOAL = "<= 0.3 s"


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    _seconds("--help", 0)  # files are read into memory


def ours(work: Path, scale: Scale) -> Timing:
    return Timing(max(_seconds("--help", 0), _seconds("--wrong", 2)), 1)


def _seconds(option: str, status: int) -> float:
    command = [str(Path(sys.executable).parent / "difftalker"), option]
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, check=False)
    seconds = time.perf_counter() - started
    assert result.returncode == status, result.stderr
    return seconds
