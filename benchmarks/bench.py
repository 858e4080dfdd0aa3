"""Ours against what people use instead, on the same machine and input: `python -m benchmarks.bench`, or `make bench`.

Every side of every row runs in a process of its own, ours and the peer's in turn, so that its peak memory is its own
and a change in the machine's load meets both. Where both should compute the same, that is checked first. Prints a row
of docs/benchmarks.md each: the median ratio of the speeds, its smallest and largest value, both speeds, both peaks.

    python -m benchmarks.bench --quick               # minutes
    python -m benchmarks.bench --only frames film    # some rows
    python -m benchmarks.bench --gpu                 # the rows for a card, at full size
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from difftalker.project import MODELS

Scale = Literal["tiny", "quick", "full", "gpu"]
Side = Literal["ours", "peer"]
ROWS = ("frames", "landmarks", "deepspeech", "training_step", "sampling", "film", "command", "repro")
GPU_ROWS = ("training_step", "sampling")
_REPEATS = {"tiny": 1, "quick": 3, "full": 5, "gpu": 5}
_MIB = 2**20


@dataclass(frozen=True)
class Timing:
    """What one side did: so many units in so many seconds; `memory` in bytes, where the process's peak is not meant."""

    seconds: float
    units: float
    memory: float | None = None


Runner = Callable[[str, Side, Path, Scale], Timing]


class Row(Protocol):
    """A module of `benchmarks.rows`.

    Attributes:
        TITLE: what is measured.
        PEER: what it is compared with; empty where only a time counts, else it is a `ComparedRow`.
        UNIT: what is counted per second.
        GOAL: the ratio aimed at, or the longest time.
    """

    TITLE: str
    PEER: str
    UNIT: str
    GOAL: str

    def prepare(self, work: Path, scale: Scale) -> None:
        """Write the input of both sides into `work`."""
        ...

    def ours(self, work: Path, scale: Scale) -> Timing:
        """Run our side."""
        ...

    def missing(self, work: Path) -> str | None:
        """What is lacking for the row, and how to get it; None if it can run. `work/face` is the trained face."""
        ...


class ComparedRow(Row, Protocol):
    """A row with a peer."""

    def peer(self, work: Path, scale: Scale) -> Timing:
        """Run the peer's side."""
        ...

    def check(self, work: Path) -> str:
        """How far the results of both sides agree, in words.

        Raises:
            AssertionError: they do not.
        """
        ...


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="ROW", help=f"of {', '.join(ROWS)}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="scale", help="small inputs, three repeats")
    size.add_argument("--tiny", action="store_const", const="tiny", dest="scale", help="to see whether it runs")
    size.add_argument("--gpu", action="store_const", const="gpu", dest="scale", help="the rows for a card")
    parser.add_argument("--face", type=Path, default=MODELS, help="trained face for the row `film`")
    parser.add_argument("--side", nargs=3, metavar=("ROW", "SIDE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    scale: Scale = arguments.scale or "full"
    if arguments.side:
        row, side, folder = arguments.side
        timing = run_here(row, cast(Side, side), Path(folder), scale)
        print(json.dumps(asdict(timing) | {"memory": timing.memory or _peak()}))
        return
    print("| what | peer | goal | ratio (least to most) | ours | peer's | memory, ours / peer's | agree |")
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.only or (GPU_ROWS if scale == "gpu" else ROWS):
        print(measure(name, scale, arguments.face), flush=True)


def measure(name: str, scale: Scale, face: Path, run: Runner | None = None) -> str:
    """Run a row; gives its line of the table.

    Args:
        name: of `ROWS`.
        scale: size of the input.
        face: folder of a trained face, for the row that needs one.
        run: runs one side; by default in a process of its own.
    """
    run = run or run_in_process
    row = _load(name)
    head = f"| {row.TITLE} | {row.PEER or '-'} | {row.GOAL} |"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "face").symlink_to(face.resolve())
        lacking = row.missing(work)
        if lacking:
            return f"{head} waiting: {lacking} | | | | |"
        row.prepare(work, scale)
        found: dict[Side, list[Timing]] = {"ours": [], "peer": []}
        agreement = ""
        for turn in range(_REPEATS[scale]):
            for side in cast(tuple[Side, ...], ("ours", "peer") if row.PEER else ("ours",)):
                found[side].append(run(name, side, work, scale))
            if turn == 0 and row.PEER:
                agreement = cast(ComparedRow, row).check(work)
    ours = found["ours"]
    if not row.PEER:
        seconds = [timing.seconds / timing.units for timing in ours]
        spread = f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
        return f"{head} - | {spread} | - | {_memory(ours):.0f} MiB | |"
    speeds = {side: [timing.units / timing.seconds for timing in timings] for side, timings in found.items()}
    ratios = [mine / theirs for mine, theirs in zip(speeds["ours"], speeds["peer"], strict=True)]
    rates = " | ".join(f"{statistics.median(speeds[side]):.3g} {row.UNIT}" for side in ("ours", "peer"))
    return (
        f"{head} {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {rates} "
        f"| {_memory(ours):.0f} / {_memory(found['peer']):.0f} MiB | {agreement} |"
    )


def run_here(name: str, side: Side, work: Path, scale: Scale) -> Timing:
    """Run one side of a row in this process."""
    return cast(Timing, getattr(_load(name), side)(work, scale))


def _load(name: str) -> Row:
    return cast(Row, importlib.import_module(f"benchmarks.rows.{name}"))


def run_in_process(name: str, side: Side, work: Path, scale: Scale) -> Timing:
    """Run one side of a row in a fresh process, for its own peak of memory."""
    flag = [] if scale == "full" else [f"--{scale}"]
    command = [sys.executable, "-m", "benchmarks.bench", *flag, "--side", name, side, str(work)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{name}, {side}: exit status {result.returncode}\n{result.stderr[-3000:]}")
    values: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return Timing(**values)


def _memory(timings: Sequence[Timing]) -> float:
    return statistics.median(timing.memory or 0.0 for timing in timings) / _MIB


def _peak() -> float:
    """Bytes: the largest of this process and of those that it started."""
    used = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return used * (1.0 if sys.platform == "darwin" else 1024.0)


if __name__ == "__main__":
    main()
