"""What a training shows while it runs: a bar on a terminal, ten lines in a log."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm


class Progress:
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
