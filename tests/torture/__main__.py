"""Kill at random moments, begin again, compare: `python -m tests.torture`, or `make torture`.

The tiny pipeline, a film, a flow and a retraining are killed (SIGKILL, the whole process group), most of all while they
write, and begun again with the same command until they end. Their outputs must be those of an undisturbed run, with
nothing left over and at most one checkpoint's interval lost at each kill. Ends with status 1 at the first that is not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.pipelines.server import prefect_server
from tests.torture.cases import CASES, torture

SHARES = {"pipeline": 20, "dub": 16, "flow": 8, "retrain": 6}  # of 50 kills


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all if none is named")
    parser.add_argument("--kills", type=int, default=50, help="in all, shared among the cases")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments")
    arguments = parser.parse_args(words)
    unknown = sorted(set(arguments.cases) - set(CASES))
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    names = arguments.cases or list(CASES)
    whole = sum(SHARES[name] for name in names)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="torture-") as temporary:
            folder, started = Path(temporary), time.monotonic()
            kills = max(round(arguments.kills * SHARES[name] / whole), 1)
            if name in ("flow", "retrain"):
                with prefect_server(folder / "prefect") as url:
                    os.environ |= {"PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "prefect")}
                    killed = torture(name, folder, kills, arguments.seed)
            else:
                killed = torture(name, folder, kills, arguments.seed)
            print(
                f"{name}: {killed.kills} kills, {len(killed.steps)} in a training; outputs equal, nothing left, "
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
