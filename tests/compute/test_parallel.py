"""Worker processes started from scripts as people write them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import operator
from difftalker.compute.parallel import map_ordered, worker_processes
print("once")
with worker_processes(2) as pool:
    print(list(map_ordered(operator.neg, range(5), pool, 4)))
"""


@pytest.mark.parametrize("piped", [False, True])
def test_a_script_needs_no_guard(tmp_path: Path, piped: bool) -> None:
    """Spawned processes import the main module again; without a guard it would start processes of its own."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-" if piped else str(script)]
    done = subprocess.run(command, input=SCRIPT if piped else None, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines(), done.returncode) == (["once", "[0, -1, -2, -3, -4]"], 0), done.stderr
