"""Expected training time: steps times measured seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from difftalker.config import TrainConfig
from difftalker.doctor.speed import duration_in_words, step_time, trainings
from difftalker.presets import load_preset

PRESETS = Path(__file__).parents[2] / "presets"


def test_set_up_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("difftalker.doctor.speed.time.perf_counter", lambda: now)

    def run(config: TrainConfig) -> None:
        nonlocal now
        now += 0.2 + 0.02 * config.steps

    seconds = step_time(TrainConfig(steps=1000, batch_size=2, learning_rate=0.1), run)
    assert seconds == pytest.approx(0.02)  # with the set-up it would be more than 0.2


def test_span() -> None:
    assert [duration_in_words(value) for value in (4.2, 89, 600, 5399, 9000)] == [
        "4 s",
        "89 s",
        "10 min",
        "90 min",
        "2.5 h",
    ]


def test_the_presets_trainings_are_listed() -> None:
    """An imported prior is not built for a trial, and the official sync expert is not trained."""
    device = torch.device("cpu")

    def titles(preset: str) -> list[str]:
        return [title for title, *_ in trainings(load_preset(PRESETS / preset), device)]

    assert titles("demo.yaml") == ["landmarks", "prior", "face", "decoder", "sync expert"]
    assert titles("paper.yaml") == ["landmarks"]
