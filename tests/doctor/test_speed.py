"""Expected training time: steps times measured seconds."""

from __future__ import annotations

import time

from difftalker.config import TrainConfig
from difftalker.doctor.speed import span, step_time


def test_set_up_is_left_out() -> None:
    def run(config: TrainConfig) -> None:
        time.sleep(0.2 + 0.02 * config.steps)

    seconds = step_time(TrainConfig(steps=1000, batch_size=2, learning_rate=0.1), run)
    assert 0.02 <= seconds < 0.08  # a busy machine takes longer; with the set-up it would be more than 0.2


def test_span() -> None:
    assert [span(value) for value in (4.2, 89, 600, 5399, 9000)] == ["4 s", "89 s", "10 min", "90 min", "2.5 h"]
