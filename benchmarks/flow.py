"""What the flow `reproduce` costs and gains against `dvc repro`: `python -m benchmarks.flow [FOOTAGE]`.

1. Two recordings, per-recording stages: time of `dvc repro`, one stage after the other, and of the flow, and whether
   `dvc.lock` is the same. FOOTAGE is a folder of videos, dealt to two recordings; without it the demo speaker
   is rendered twice.
2. All stages with tiny networks, nothing to do: the same two commands.

Times are those of the wall, and of all processors together, without the server's. Wall times of a machine that does
other work mislead: each stage of a flow has a session of its own, and Linux shares processors among sessions.

The flow uses a Prefect server that is already running. Everything is in a temporary copy of the repository.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipelines.graph import read_stages
from tests.pipelines.server import prefect_server
from tests.project import ROOT, Project, merge

DVC = ("-m", "dvc", "repro")
FLOW = ("-m", "pipelines", "reproduce")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path, nargs="?", help="folder of videos of one speaker")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the fastest counts")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each rendered recording")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flow-") as folder, prefect_server(Path(folder) / "prefect") as url:
        base = two_recordings(Path(folder) / "two", arguments.footage, arguments.seconds)
        targets = [stage.name for stage in read_stages(base.root) if stage.recording]
        serial, parallel = [], []
        for number in range(arguments.repeat):
            one, other = copy(base, f"serial{number}"), copy(base, f"flow{number}")
            serial.append(run(one, [*DVC, *targets], url))
            parallel.append(run(other, [*FLOW, *targets], url))
            equal = locked(one) == locked(other)
            print(f"  dvc repro {serial[-1]}, flow {parallel[-1]}, hashes equal: {equal}", flush=True)
            if not equal:
                sys.exit("error: dvc.lock differs between dvc repro and the flow")
        tiny = Project(mkdir(Path(folder) / "tiny"))
        provide_code(tiny)
        run(tiny, [*DVC], url)
        idle = {title: [run(tiny, [*command], url) for _ in range(arguments.repeat)] for title, command in COMMANDS}
    stages = len(targets)
    print(f"\n{os.cpu_count()} cores; the fastest of {arguments.repeat} runs each\n")
    print("| what | `dvc repro` | flow |\n|---|---|---|")
    print(f"| two recordings, {stages} per-recording stages | {min(serial)} | {min(parallel)} |")
    print(f"| all stages, nothing to do | {min(idle['dvc'])} | {min(idle['flow'])} |")


@dataclass(frozen=True, order=True)
class Time:
    """Seconds of the wall and of all processors."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.processor:.1f} s)"


COMMANDS = (("dvc", DVC), ("flow", FLOW))


def two_recordings(root: Path, footage: Path | None, seconds: float) -> Project:
    """A project with the recordings `a` and `b`, tracked, and the parameters of the demo preset."""
    project = Project(mkdir(root))
    provide_code(project)
    for number, name in enumerate("ab"):
        params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
        merge(params, {"recordings": ["a", "b"], "demo": {"seconds": seconds, "seed": 7 + number}})
        (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        if footage is None:
            run(project, ["-m", "stages.render_demo", "--out", f"data/raw/{name}"])
        else:
            target = mkdir(root / "data/raw" / name)
            for path in sorted(path for path in footage.iterdir() if path.is_file())[number::2]:
                shutil.copy(path, target)
    run(project, ["-m", "dvc", "add", "--quiet", "data/raw/a", "data/raw/b"])
    return project


def provide_code(project: Project) -> None:
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))


def copy(base: Project, name: str) -> Project:
    """The project as it is before anything ran, somewhere else."""
    other = Project.__new__(Project)
    other.root, other.environment = base.root.with_name(name), base.environment
    shutil.copytree(base.root, other.root)
    return other


def run(project: Project, arguments: Sequence[str], url: str | None = None) -> Time:
    """What a Python command in the project takes. All cores may be used."""
    environment = {**project.environment, **({"PREFECT_API_URL": url} if url else {})}
    environment.pop("OMP_NUM_THREADS", None)
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"error: {' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Time(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def locked(project: Project) -> dict[str, object]:
    """What dvc.lock says: hashes of code, params, inputs and outputs of every stage."""
    return dict(yaml.safe_load((project.root / "dvc.lock").read_text())["stages"])


def mkdir(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
