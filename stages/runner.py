"""What every stage does around its work: its command line, errors as one line, a record of time and memory."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from difftalker.errors import explained
from difftalker.files import replacing
from stages.check_ahead import check_ahead

_PATHS = {  # what the stages are given, each by one name throughout
    "audio": "folder of the recordings' audio features",
    "dataset": "dataset with the split",
    "decoder": "folder of the reference decoder",
    "detected": "folder of the recordings' detected landmarks",
    "evaluation": "folder written by evaluate",
    "face": "folder of the face network",
    "films": "folder written by make_films",
    "frames": "folder of the recordings' frames; one recording's, where the stage is of one",
    "landmarks": "folder of the landmark network",
    "latents": "folder of the latents",
    "loss": "CSV of the losses to write",
    "metrics": "metrics.json",
    "models": "folder of the whole face",
    "out": "file or folder to write",
    "plots": "folder of the plots' data",
    "prior": "folder of the prior",
    "raw": "folder of the recordings",
    "recording": "folder with the videos of one speaker",
    "speed": "speed.json",
    "syncnet": "folder of the sync expert",
    "synthesis": "folder written by synthesise",
}
TIMINGS = Path("data/timings")  # git-ignored, no DVC output: times differ from run to run


def stage_arguments(description: str | None, *names: str) -> argparse.Namespace:
    """The command line of a stage: a path for every name, all of them required."""
    parser = argparse.ArgumentParser(description=description)
    for name in names:
        parser.add_argument(f"--{name}", type=Path, required=True, help=_PATHS[name])
    return parser.parse_args()


def run(name: str, main: Callable[[], None]) -> None:
    """Run a stage's main function as the command `python -m stages.<name>`.

    Args:
        name: the stage's name, with `@recording` where it belongs to one.
        main: the work. A `UserError`, or what the system refused, ends the process with one line and status 1.
    """
    started = time.perf_counter()
    try:
        check_ahead(name)
        main()
        _record(name, started)
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        line = explained(error, f"stage {name}")
        if line is None:
            raise
        tqdm.write(f"error: {line}", file=sys.stderr)  # not into the line of a bar
        raise SystemExit(1) from None


def _record(name: str, started: float) -> None:
    """Note how long the stage took and its peak memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024  # kilobytes everywhere but on macOS
    record = {"seconds": round(time.perf_counter() - started, 2), "peak_bytes": peak_bytes}
    with replacing(TIMINGS / f"{name}.json") as partial:
        partial.write_text(json.dumps(record) + "\n")
