"""A small DVC project whose stages take a moment: the same shapes of graph as the real one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from pipelines.process import command_environment

# join.py INPUT... OUTPUT: joins the inputs and appends the parameter of its name; `fail` in params names one
# that fails, `together` those that start and then wait for each other, for a minute at most.
JOIN = """
import pathlib, sys, time
*inputs, output = map(pathlib.Path, sys.argv[1:])
key = dict(line.split(": ") for line in pathlib.Path("params.yaml").read_text().splitlines())
def log(what):
    with open("runs.log", "a") as file:
        file.write(what + " " + output.stem + chr(10))
log("start")
together = key["together"].split()
until = time.monotonic() + 60
while output.stem in together and not all("start " + name in pathlib.Path("runs.log").read_text() for name in together):
    if time.monotonic() > until:
        sys.exit("error: " + output.stem + " waits in vain")
    time.sleep(0.02)
time.sleep(float(key["seconds"]))
if key["fail"] == output.stem:
    sys.exit("error: " + output.stem + " was told to fail")
output.write_text("".join(path.read_text() for path in inputs) + key[output.stem] + chr(10))
log("end")
"""
PARAMS = {
    "one": 1,
    "two": 2,
    "both": 3,
    "model": 4,
    "other": 5,
    "seconds": 0,
    "fail": "no",
    "together": "none",
    "device": "cpu",
}


class Toy:
    """one.txt and two.txt from tracked source.txt, both.txt from them, then model.txt and other.txt on a device."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.params: dict[str, Any] = dict(PARAMS)
        self.environment = {**command_environment(), "DVC_NO_ANALYTICS": "1"}
        (root / "join.py").write_text(JOIN)
        (root / "source.txt").write_text("source\n")
        (root / ".gitignore").write_text("runs.log\n.prefect\n")
        self.write_graph(
            {
                "one": self.stage("one", ["source.txt"]),
                "two": self.stage("two", ["source.txt"]),
                "both": self.stage("both", ["one.txt", "two.txt"]),
                "model": self.stage("model", ["both.txt"], ["device"]),
                "other": self.stage("other", ["both.txt"], ["device"]),
            }
        )
        self.set()
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        self.dvc("init", "--quiet")
        self.dvc("add", "--quiet", "source.txt")

    @staticmethod
    def stage(name: str, inputs: list[str], params: list[str] | None = None) -> dict[str, Any]:
        return {
            "cmd": f"python join.py {' '.join(inputs)} {name}.txt",
            "deps": ["join.py", *inputs],
            "params": [name, *(params or [])],
            "outs": [f"{name}.txt"],
        }

    def write_graph(self, stages: dict[str, Any]) -> None:
        (self.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))

    def set(self, **changes: Any) -> None:
        """Write params.yaml with these changes, which stay."""
        self.params |= changes
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params))

    def dvc(self, *arguments: str) -> str:
        return self.run([sys.executable, "-m", "dvc", *arguments])

    def run(self, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def started(self) -> list[str]:
        """The stages that are running or ran, since the last question for events."""
        log = self.root / "runs.log"
        return [line for line in log.read_text().splitlines() if line.startswith("start")] if log.exists() else []

    def events(self) -> list[str]:
        """What ran since the last question: `start STAGE` and `end STAGE` in order."""
        log = self.root / "runs.log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def runs(self) -> list[str]:
        """The stages that started since the last question, sorted."""
        return sorted(line.removeprefix("start ") for line in self.events() if line.startswith("start "))

    def expected(self) -> str:
        """What both.txt must hold."""
        return "source\n{one}\nsource\n{two}\n{both}\n".format(**self.params)

    def texts(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted(self.root.glob("*.txt"))}

    def up_to_date(self) -> bool:
        """What DVC itself says."""
        return "up to date" in self.dvc("status")

    def locked(self) -> list[str]:
        """Locks of DVC that somebody holds or has left behind."""
        found = []
        for name in ("lock", "rwlock.lock"):
            path = self.root / ".dvc/tmp" / name
            if path.exists():
                with path.open("r+") as file:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        found.append(name)
        entries = json.loads((self.root / ".dvc/tmp/rwlock").read_text())
        return found + [kind for kind in ("read", "write") if entries.get(kind)]


def alive(marker: str) -> list[int]:
    """Processes whose command line or environment holds the marker, this one apart."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if marker.encode() in text and not zombie and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def killed_at(line: str, command: list[str], root: Path, environment: dict[str, str]) -> None:
    """Run a flow until its output holds a text, then end it with SIGKILL; within 10 s all its processes are gone."""
    marker = f"killed-{root.name}-{os.getpid()}"
    process = subprocess.Popen(
        command,
        cwd=root,
        env={**environment, "MARKER": marker},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = ""
    while line not in output and (more := process.stdout.readline()):
        output += more
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -9, output
    deadline = time.monotonic() + 10
    while alive(f"MARKER={marker}"):
        assert time.monotonic() < deadline, "something outlives the flow"
        time.sleep(0.05)
