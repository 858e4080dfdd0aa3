"""The course of a training: losses over logging intervals, and what is shown of them while it runs."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from difftalker.files import replacing

LOGGED_ROWS = 100  # rows of a whole training, about


class LossHistory:
    """Mean loss and parts per logging interval.

    Attributes:
        rows: one mapping per interval: `step` (the interval's last, from 1), `loss` and the parts' names.
    """

    def __init__(self, steps: int) -> None:
        self.rows: list[dict[str, float]] = []
        self._steps = steps
        self._interval = max(1, steps // LOGGED_ROWS)
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


def write_losses(path: str | Path, histories: Mapping[str, LossHistory]) -> None:
    """Write the losses of several trainings as one CSV: network, step, loss; only the header where none was trained."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", "step", "loss"])
        for name, history in histories.items():
            writer.writerows([name, row["step"], f"{row['loss']:.6g}"] for row in history.rows)


class TrainingProgress:
    """Loss, speed and time left.

    Args:
        title: what is trained.
        start: steps done before (a resumed training).
        steps: steps in all.
    """

    def __init__(self, title: str, start: int, steps: int) -> None:
        self._title, self._start, self._steps = title, start, steps
        self._began = time.perf_counter()
        self._smooth: float | None = None
        self._bar = tqdm(total=steps, initial=start, desc=title, unit="step") if sys.stderr.isatty() else None

    def update(self, step: int, loss: float) -> None:
        """Step `step` (from 1) is done."""
        self._smooth = loss if self._smooth is None else 0.95 * self._smooth + 0.05 * loss
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {self._smooth:.4g}", refresh=False)
            self._bar.update(1)
        elif step * 10 // self._steps != (step - 1) * 10 // self._steps:
            speed = (step - self._start) / (time.perf_counter() - self._began)
            left = tqdm.format_interval((self._steps - step) / speed)
            line = (
                f"{self._title}: step {step}/{self._steps}, loss {self._smooth:.4g}, {speed:.1f} steps/s, {left} left"
            )
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._bar is not None:
            self._bar.close()
