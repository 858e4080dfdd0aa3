"""Stage report: everything the run left -> one self-contained HTML page."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.files import replacing
from difftalker.report.page import ReportInputs, build_page
from stages.runner import TIMINGS, run, stage_arguments

PARAMS = Path("params.yaml")


def main(arguments: Namespace) -> None:
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
    parsed = stage_arguments(
        __doc__,
        "dataset",
        "frames",
        "detected",
        "landmarks",
        "synthesis",
        "films",
        "evaluation",
        "metrics",
        "speed",
        "plots",
        "out",
    )
    run("report", lambda: main(parsed))
