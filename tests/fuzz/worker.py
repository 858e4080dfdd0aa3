"""Reads damaged inputs, one after the other: told a kind and a seed per line, says how each ended."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from difftalker.errors import UserError
from tests.fuzz.kinds import KINDS


def outcome(kind: str, whole: Path, folder: Path, seed: int) -> str:
    """`read`, `refused`, or what went wrong in more than one line or in another way than by a `UserError`."""
    path = KINDS[kind].damage(whole, folder, random.Random(f"{kind} {seed}"))
    try:
        KINDS[kind].read(path)
    except UserError as error:
        text = str(error)
        return "refused" if text and "\n" not in text else f"an error of several lines: {text!r}"
    except Exception:  # the defect that is looked for
        return traceback.format_exc()
    return "read"


def main() -> None:
    prepared = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)  # decoders complain about damaged files there
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        kind, seed = line.split()
        folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=prepared))
        try:
            answers.write(repr(outcome(kind, prepared / kind, folder, int(seed))) + "\n")
            answers.flush()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
