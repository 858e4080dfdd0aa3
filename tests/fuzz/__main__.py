"""Damaged inputs by the thousand: `python -m tests.fuzz`, or `make fuzz`.

Films, sounds, uploads, params.yaml, lists, consents, tables and faces are damaged at random and read as the product
reads them, in a process of their own. Each must be read, or be refused in one line. A traceback, a crash, more than 20
seconds or more than 3 GiB is a defect; it is printed with its seed, and the status is 1.

    python -m tests.fuzz --inputs 10000
    python -m tests.fuzz --only footage --seed 1234      # that input alone
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.kinds import KINDS, numbers
from tests.fuzz.run import Reader, prepare


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="in all, shared among the kinds")
    parser.add_argument("--only", choices=sorted(KINDS), help="one kind")
    parser.add_argument("--seed", type=int, help="one input of the kind")
    parser.add_argument("--first", type=int, default=0, help="added to all seeds, for other inputs")
    arguments = parser.parse_args(words)
    defects = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        for name in [arguments.only] if arguments.only else KINDS:
            prepare(name, Path(temporary))
            seeds = [arguments.seed] if arguments.seed is not None else numbers(KINDS[name], arguments.inputs)
            counts: Counter[str] = Counter()
            with Reader(Path(temporary)) as reader:
                for seed in seeds:
                    ended = reader.read(name, seed + arguments.first)
                    counts[ended if ended in ("read", "refused") else "defects"] += 1
                    if ended not in ("read", "refused"):
                        print(f"\n{name}, seed {seed + arguments.first}:\n{ended}", flush=True)
            print(f"{name}: {counts.total()} inputs, {dict(counts)}", flush=True)
            defects += counts["defects"]
    sys.exit(1 if defects else 0)


if __name__ == "__main__":
    main()
