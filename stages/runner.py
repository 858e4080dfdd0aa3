"""What every stage does around its work: errors as one line, and a record of wall time and peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from difftalker.errors import UserError
from difftalker.files import replacing

TIMINGS = Path("data/timings")  # git-ignored, no DVC output: times differ from run to run


def run(name: str, main: Callable[[], None]) -> None:
    """Run a stage's main function as the command `python -m stages.<name>`.

    Args:
        name: the stage's name, with `@recording` where it belongs to one.
        main: the work. A `UserError` ends the process with its message as the only line and status 1.
    """
    started = time.perf_counter()
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        raise SystemExit(130) from None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024  # kilobytes everywhere but on macOS
    record = {"seconds": round(time.perf_counter() - started, 2), "peak_bytes": peak_bytes}
    with replacing(TIMINGS / f"{name}.json") as partial:
        partial.write_text(json.dumps(record) + "\n")
