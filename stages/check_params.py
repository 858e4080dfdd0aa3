"""Stage check_params: is params.yaml right as a whole, and is there what it asks for?

DVC removes the outputs of a stage before it runs it. This one comes before all others and has no output worth keeping,
so that a mistake is found while theirs are still there. What it writes never changes, so nothing runs because of it.
"""

from __future__ import annotations

from pathlib import Path

from difftalker.config import load_params
from difftalker.files import replacing
from stages.runner import run, stage_arguments

PARAMS = Path("params.yaml")


def main() -> None:
    arguments = stage_arguments(__doc__, "out")
    load_params(PARAMS)
    with replacing(arguments.out) as partial:
        partial.write_text("params.yaml is valid\n", encoding="utf-8")


if __name__ == "__main__":
    run("check_params", main)
