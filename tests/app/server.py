"""The command `difftalker app` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running app: its address, its process and the folder of its temporary files."""

    url: str
    process: subprocess.Popen[str]
    temporary: Path

    def end(self) -> int:
        """Tell it to end, as a service manager would; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def left(self) -> list[Path]:
        """Files under its temporary folder."""
        return [path for path in self.temporary.rglob("*") if path.is_file()]


@contextmanager
def running(face: Path, temporary: Path, *options: str) -> Iterator[Server]:
    """Start the app with a face on a free port, and end it."""
    temporary.mkdir(parents=True)
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(temporary),
        "OMP_NUM_THREADS": "1",
        "MPLCONFIGDIR": str(temporary.parent / "mpl"),
    }
    command = [sys.executable, "-m", "difftalker.cli.main", "app", "--face", str(face), "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=temporary.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://\S+", line):
                yield Server(found[0], process, temporary)
                return
        raise AssertionError(f"the app did not start: {said}")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
