"""Commands that are killed at random moments, most of all while they write or train, and begun again until they end."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_POLL = 0.002  # seconds between two looks at the folder
_LONGEST = 900.0  # seconds that a command may take undisturbed
_STEP = re.compile(r"(\w+): step (\d+)/(\d+)")


@dataclass
class Killed:
    """What happened.

    Attributes:
        kills: how often the command was killed.
        steps: of every training, (last step reported before a kill, first one after it).
    """

    kills: int = 0
    steps: list[tuple[str, int, int]] = field(default_factory=list)


def run_killed(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    kills: int,
    chance: random.Random,
    trains: bool = False,
    between: Callable[[], None] | None = None,
) -> Killed:
    """Run a command to its end, killing its process group up to `kills` times on the way.

    Kills come in turn a few milliseconds after a random one of the next changes in the folder, so that they meet a
    write, and soon after a training has reported a step, so that they meet a checkpoint.

    Args:
        command: is begun again after every kill.
        folder: where it runs and writes.
        environment: of the command.
        kills: at most; fewer if it ends before.
        chance: draws the moments.
        trains: whether there are trainings in it; every other kill meets one of them.
        between: called after every kill.

    Raises:
        AssertionError: it failed by itself, or did not end.
    """
    found = Killed()
    reached: dict[str, int] = {}
    log = folder.parent / f"{folder.name}.log"
    while True:
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        if found.kills < kills:
            if trains and found.kills % 2:
                _kill_in_training(process, log, chance)
            else:
                _kill_at_write(process, folder, chance)
        process.wait(_LONGEST)
        printed = log.read_text(errors="replace")
        for name, first in _first_steps(printed).items():
            if name in reached:
                found.steps.append((name, reached[name], first))
        reached |= {name: int(step) for name, step, _ in _STEP.findall(printed)}
        reached = {name: step for name, step in reached.items() if f"{name}: step {step}/{step}," not in printed}
        if process.returncode == 0:
            return found
        assert process.returncode == -signal.SIGKILL, printed[-3000:]
        found.kills += 1
        if between is not None:
            between()


def _kill_at_write(process: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    changes = chance.choice((1, 1, 2, 3, 5, 8, 13, 21, 34))
    before = _state(folder)
    while process.poll() is None and changes:
        time.sleep(_POLL)
        after = _state(folder)
        changes -= after != before
        before = after
    time.sleep(chance.uniform(0, 0.02))
    _kill(process)


def _kill_in_training(process: subprocess.Popen[bytes], log: Path, chance: random.Random) -> None:
    reports = chance.choice((1, 2, 3, 5))
    while process.poll() is None and _reports(log) < reports:
        time.sleep(_POLL)
    time.sleep(chance.uniform(0, 0.1))
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _reports(log: Path) -> int:
    """How often a training that is not at its end has reported a step."""
    return sum(step != steps for _, step, steps in _STEP.findall(log.read_text(errors="replace")))


def _state(folder: Path) -> tuple[int, int]:
    """Number of files, and the newest change."""
    count, newest = 0, 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name != ".git":
                            waiting.append(Path(entry.path))
                        continue
                    status = entry.stat(follow_symlinks=False)
                    count, newest = count + 1, max(newest, status.st_mtime_ns + status.st_size)
        except FileNotFoundError:
            continue  # renamed in between
    return count, newest


def _first_steps(printed: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, step, _ in _STEP.findall(printed):
        found.setdefault(name, int(step))
    return found
