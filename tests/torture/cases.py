"""What is killed: the pipeline, a film, a flow and a retraining, each with what must be there in the end."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from difftalker.media.wav import write_wav
from pipelines.graph import mend_after_kill
from tests.dub.tiny_face import pictures, tiny_face
from tests.footage import noise
from tests.project import Project
from tests.torture.killing import Killed, run_killed

STEPS = 40  # of every training
INTERVAL = 4  # steps between two checkpoints, and between two reported steps
_DATA = ("data/interim", "data/processed", "data/models", "data/results", "data/plots", "data/scratch")
_TIMED = ("data/results/speed.json", "data/results/report.html")  # they hold seconds
_TRAINING: dict[str, Any] = {
    name: {"train": {"steps": STEPS, "checkpoint_every": INTERVAL}}
    for name in ("landmarks", "face", "decoder", "syncnet")
}


def torture(name: str, folder: Path, kills: int, seed: int) -> Killed:
    """Run a case undisturbed and killed, and compare.

    Raises:
        AssertionError: the outputs differ, something is left over, or more than a checkpoint's interval was lost.
    """
    case, chance = CASES[name], random.Random(seed)
    whole, broken = folder / "whole", folder / "broken"
    expected = case(whole, 0, chance)[1]
    killed, found = case(broken, kills, chance)
    assert sorted(found) == sorted(expected), sorted(set(found) ^ set(expected))
    different = [path for path in found if found[path] != expected[path]]
    assert not different, different
    for training, reached, begun in killed.steps:
        assert begun >= reached - 2 * INTERVAL + 1, f"{training}: reached step {reached}, went on at {begun}"
    return killed


def _pipeline(folder: Path, kills: int, chance: random.Random) -> tuple[Killed, dict[str, str]]:
    project = _project(folder)
    command = [sys.executable, "-m", "dvc", "repro"]
    # As docs/operations.md says: a kill in the moment in which DVC writes its own files leaves them empty.
    mend = partial(mend_after_kill, folder)
    killed = run_killed(command, folder, project.environment, kills, chance, trains=True, between=mend)
    return killed, _outputs(folder)


def _flow(folder: Path, kills: int, chance: random.Random) -> tuple[Killed, dict[str, str]]:
    project = _project(folder)
    command = [sys.executable, "-m", "pipelines", "reproduce"]
    killed = run_killed(command, folder, _flow_environment(project), kills, chance, trains=True)
    return killed, _outputs(folder)


def _retrain(folder: Path, kills: int, chance: random.Random) -> tuple[Killed, dict[str, str]]:
    """A candidate with another rate is trained and judged; promoted or not, the project ends the same."""
    project = _project(folder)
    project.repro()
    for words in (["add", "--all"], ["-c", "user.name=T", "-c", "user.email=t@t", "commit", "-qm", "First face"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    command = [sys.executable, "-m", "pipelines", "retrain", "--set", "landmarks.train.learning_rate=0.001"]
    killed = run_killed(command, folder, _flow_environment(project), kills, chance, trains=True)
    tags = subprocess.run(["git", "tag"], cwd=folder, capture_output=True, text=True, check=True).stdout
    return killed, _outputs(folder) | {"tags": tags}


def _dub(folder: Path, kills: int, chance: random.Random) -> tuple[Killed, dict[str, str]]:
    face = tiny_face(folder.parent / f"{folder.name}-face", footage=pictures(30))
    folder.mkdir()
    write_wav(folder.parent / "speech.wav", [noise(11.0)])
    command = [sys.executable, "-m", "difftalker.cli.main", "dub", "--face", str(face), "--resume"]
    command += ["--audio", str(folder.parent / "speech.wav"), "-o", "film.mkv", "--codec", "lossless"]
    # Lossless: the bytes of H.264 vary between processes on a busy machine (docs/reliability.md).
    killed = run_killed(command, folder, os.environ | {"OMP_NUM_THREADS": "1"}, kills, chance)
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return killed, found


CASES: dict[str, Callable[[Path, int, random.Random], tuple[Killed, dict[str, str]]]] = {
    "pipeline": _pipeline,
    "dub": _dub,
    "flow": _flow,
    "retrain": _retrain,
}


def _project(folder: Path) -> Project:
    folder.mkdir()
    project = Project(folder)
    project.set_params(_TRAINING)
    return project


def _flow_environment(project: Project) -> dict[str, str]:
    """Of a flow: it finds the code of this checkout, and no other flow's lock."""
    scratch = project.root.parent / f"{project.root.name}-tmp"
    scratch.mkdir(exist_ok=True)
    root = str(Path(__file__).parents[2])
    return project.environment | dict(os.environ) | {"PYTHONPATH": root, "TMPDIR": str(scratch)}


def _outputs(folder: Path) -> dict[str, str]:
    """Hashes of all that the pipeline leaves, but for what holds times; empty folders count, too."""
    found = {}
    for part in _DATA:
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if name not in _TIMED:
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found
