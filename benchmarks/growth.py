"""How time and memory grow with the length of the footage: `python -m benchmarks.growth 1000 4000 16000`.

For each number of frames it makes a clone of this project with a film of so many frames (one swaying face, 160 pixels)
and tiny networks of fixed steps, runs `dvc repro`, and dubs speech as long as the film. The table, printed anew after
each, holds what the stages recorded: seconds, and the peak of each stage's own process, without the workers that it
starts (their number and size do not depend on the length). Run nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.swaying_film import FPS, write_film, write_speech

ROOT = Path(__file__).parents[1]
_SIDE = 160
_TRAIN = {"steps": 20, "batch_size": 4}
# What differs from the preset `demo`.
TINY: dict[str, Any] = {
    "device": "cpu",
    "recordings": ["talk"],
    "video": {"size": 64},
    "prior": {"latent_channels": 4, "unet": {"channels": [16, 16], "context_dim": 8, "train": _TRAIN}},
    "landmarks": {"dim": 8, "heads": 2, "layers": 1, "train": _TRAIN},
    "face": {"train": _TRAIN},
    "decoder": {"width": 8, "references": 2, "train": _TRAIN},
    "syncnet": {"train": _TRAIN},
}


class Cost(NamedTuple):
    """Seconds and peak memory in bytes."""

    seconds: float
    peak: int


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=int, nargs="+", help="lengths of the footage")
    lengths = sorted(parser.parse_args(words).frames)
    costs: dict[int, dict[str, Cost]] = {}
    for frames in lengths:
        with tempfile.TemporaryDirectory(prefix="difftalker-growth-") as folder:
            costs[frames] = measure(Path(folder) / "project", frames)
        print(f"{frames} frames: {sum(cost.seconds for cost in costs[frames].values()):.0f} s", file=sys.stderr)
        print(table(costs), flush=True)


def table(costs: Mapping[int, Mapping[str, Cost]]) -> str:
    """A line per stage: seconds and MB at each length, and bytes of memory per additional frame."""
    lengths = sorted(costs)
    heads = [f"{length:,} frames" for length in lengths]
    lines = ["| stage | " + " | ".join(f"{head}: s | MB" for head in heads) + " | memory per frame more |"]
    lines.append("|---" + "|--:" * (2 * len(lengths) + 1) + "|")
    for stage in costs[lengths[0]]:
        found = [costs[length][stage] for length in lengths]
        cells = " | ".join(f"{cost.seconds:.1f} | {cost.peak / 1e6:.0f}" for cost in found)
        more = (found[-1].peak - found[0].peak) / max(lengths[-1] - lengths[0], 1)
        lines.append(f"| {stage} | {cells} | {more / 1000:.1f} kB |")
    return "\n".join(lines)


def measure(project: Path, frames: int) -> dict[str, Cost]:
    """Costs of the stages, in the order in which they ran, and of a film of the same length."""
    make_project(project, frames)
    run(project, "-m", "dvc", "repro")
    records = sorted((project / "data/timings").glob("*.json"), key=lambda path: path.stat().st_mtime)
    costs = {path.stem: Cost(*json.loads(path.read_text()).values()) for path in records}
    write_speech(project / "speech.wav", frames / FPS)
    words = ("-m", "difftalker.cli.main", "dub", "--audio", "speech.wav", "-o", "talk.mp4")
    return costs | {"dub": run(project, *words)}


def make_project(project: Path, frames: int) -> None:
    """A clone of this repository, made tiny, with its own footage."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text(encoding="utf-8"))
    (project / "params.yaml").write_text(yaml.safe_dump(merged(params, TINY), sort_keys=False), encoding="utf-8")
    recording = project / "data/raw/talk"
    recording.mkdir()
    write_film(recording / "film.mp4", frames, _SIDE, _SIDE)
    (recording / "film.speech.wav").unlink()


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings joined; `changes` wins."""
    inner = {key: merged(base[key], value) if isinstance(value, Mapping) else value for key, value in changes.items()}
    return {**base, **inner}


def run(project: Path, *words: str) -> Cost:
    """Run Python in the project; its own time and peak.

    Raises:
        RuntimeError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(project), "DVC_NO_ANALYTICS": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    log = project / "run.log"
    started = time.perf_counter()
    with log.open("w") as said:
        process = subprocess.Popen([sys.executable, *words], cwd=project, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {log.read_text()[-2000:]}")
    return Cost(time.perf_counter() - started, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    main()
