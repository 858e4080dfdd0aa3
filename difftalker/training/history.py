"""The course of a training: losses, averaged over logging intervals."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from difftalker.files import replacing

ROWS = 100  # rows of a whole training, about


class History:
    """Mean loss and parts per logging interval.

    Attributes:
        rows: one mapping per interval: `step` (the interval's last, from 1), `loss` and the parts' names.
    """

    def __init__(self, steps: int) -> None:
        self.rows: list[dict[str, float]] = []
        self._steps = steps
        self._interval = max(1, steps // ROWS)
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, step: int, values: dict[str, float]) -> None:
        """Take in the values of step `step` (from 1), `loss` among them."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % self._interval == 0 or step == self._steps:
            self.rows.append({"step": step} | {name: value / self._count for name, value in self._sums.items()})
            self._sums, self._count = {}, 0

    def write_loss(self, path: str | Path) -> None:
        """Write the rows as CSV: step, loss, then the parts."""
        with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                {name: value if name == "step" else f"{value:.6g}" for name, value in row.items()} for row in self.rows
            )

    def state(self) -> dict[str, Any]:
        """Rows and the running interval."""
        return {"rows": list(self.rows), "sums": dict(self._sums), "count": self._count}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.rows, self._sums, self._count = state["rows"], state["sums"], state["count"]


def write_losses(path: str | Path, histories: Mapping[str, History]) -> None:
    """Write the losses of several trainings as one CSV: network, step, loss; only the header where none was trained."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", "step", "loss"])
        for name, history in histories.items():
            writer.writerows([name, row["step"], f"{row['loss']:.6g}"] for row in history.rows)
