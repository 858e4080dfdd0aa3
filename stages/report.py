"""Stage report: everything the run left -> one self-contained HTML page."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.files import replacing
from difftalker.report.page import ReportInputs, build_page
from stages.runner import TIMINGS, run

PARAMS = Path("params.yaml")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="dataset with the split")
    parser.add_argument("--frames", type=Path, required=True, help="folder of the recordings' frames")
    parser.add_argument("--detected", type=Path, required=True, help="folder of the recordings' landmarks")
    parser.add_argument("--landmarks", type=Path, required=True, help="landmark completion, for the mismatch test")
    parser.add_argument("--synthesis", type=Path, required=True, help="folder written by synthesise")
    parser.add_argument("--films", type=Path, required=True, help="folder written by make_films")
    parser.add_argument("--evaluation", type=Path, required=True, help="folder written by evaluate")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.json")
    parser.add_argument("--speed", type=Path, required=True, help="speed.json")
    parser.add_argument("--plots", type=Path, required=True, help="folder of the plots' data")
    parser.add_argument("--out", type=Path, required=True, help="HTML file to write")
    return parser.parse_args()


def main(arguments: argparse.Namespace) -> None:
    """Write the report."""
    inputs = ReportInputs(
        dataset=arguments.dataset,
        frames=arguments.frames,
        detected=arguments.detected,
        synthesis=arguments.synthesis,
        films=arguments.films,
        evaluation=arguments.evaluation,
        metrics=arguments.metrics,
        speed=arguments.speed,
        plots=arguments.plots,
        timings=TIMINGS,
        params=PARAMS,
    )
    page = build_page(inputs, partial(complete, LandmarkCompletion.load(arguments.landmarks)))
    with replacing(arguments.out) as partial_file:
        partial_file.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parsed = _arguments()
    run("report", lambda: main(parsed))
