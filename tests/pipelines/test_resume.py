"""The real pipeline in the flow: killed in the middle of a training, it goes on and ends in the same weights."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipelines.toy import alive
from tests.project import ROOT, STEPS, Project

FLOW = [sys.executable, "-m", "pipelines", "reproduce", "train_face"]


@pytest.mark.slow
def test_killed_training_goes_on(tmp_path: Path, server: str) -> None:
    project = Project(tmp_path)
    marker = f"resume-{os.getpid()}"
    environment = {**project.environment, **os.environ, "PYTHONPATH": str(ROOT), "MARKER": marker}
    environment["TMPDIR"] = str(tmp_path / "data")  # the device lock of this test alone

    def checkpoints() -> list[Path]:  # whole ones; while it is written, a checkpoint has a hidden name
        found = (tmp_path / "data/scratch/train_face").glob("*/*.pt")
        return [path for path in found if not path.name.startswith(".")]

    process = subprocess.Popen(
        FLOW, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 600
    while not checkpoints() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -9 and checkpoints(), output[-4000:]

    # At once, while the killed flow's stage may still be ending: the two never train side by side.
    done = subprocess.run(
        FLOW, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    steps = [int(step) for step in re.findall(rf"step (\d+)/{STEPS}", done.stdout)]
    assert steps and min(steps) > 4, "the training began again"
    assert not alive(f"MARKER={marker}")
    resumed = project.hash_of("train_face", "data/models/face")

    project.repro("--single-item", "--force", "train_face")
    assert project.hash_of("train_face", "data/models/face") == resumed
