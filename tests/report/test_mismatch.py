"""The mismatch test's figure on completions whose behaviour is known, and its words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from difftalker.evaluation.metrics.mouth_opening import LOWER_LIP, UPPER_LIP
from difftalker.report.mismatch import mismatch_verdict, sound_share


def mouths(openings: np.ndarray) -> np.ndarray:
    """(n, 68, 2) landmarks of these openings, each at a place of its own."""
    points = np.tile(np.linspace(0.2, 0.8, 68)[None, :, None], (len(openings), 1, 2)).astype(np.float32)
    points += np.linspace(-0.1, 0.1, len(openings), dtype=np.float32)[:, None, None]
    points[:, LOWER_LIP] = points[:, UPPER_LIP]
    points[:, LOWER_LIP, 1] += openings
    return points


def split(count: int = 41, spread: float = 0.05) -> Any:
    """A test split whose sound tells the opening in its first number; the upper face tells it, too."""
    openings = np.random.default_rng(0).uniform(0.02, 0.02 + spread, count).astype(np.float32)
    features = np.zeros((count, 16, 29), np.float32)
    features[:, 0, 0] = openings
    return SimpleNamespace(landmarks=mouths(openings), features=features)


@pytest.mark.parametrize("share", [1.0, 0.4, 0.0, -0.2])
def test_the_share_is_that_of_the_sound(share: float) -> None:
    test = split()

    def complete(landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        face = landmarks[:, LOWER_LIP, 1] - landmarks[:, UPPER_LIP, 1]
        return mouths(face + share * (features[:, 0, 0] - face))

    assert sound_share(test, test.landmarks, complete) == pytest.approx(share, abs=1e-4)


def test_mouths_that_do_not_move_tell_nothing() -> None:
    test = split(spread=0.001)
    assert sound_share(test, test.landmarks, lambda landmarks, features: landmarks) is None
    assert mismatch_verdict(None)["grade"] == "plain"


@pytest.mark.parametrize(
    ("share", "grade", "said"),
    [
        (0.92, "good", "follows the sound"),
        (2 / 3, "good", "follows the sound"),
        (0.5, "fair", "follows both"),
        (0.33, "poor", "follows the upper face"),
        (-0.05, "poor", "follows the upper face"),
    ],
)
def test_the_verdict_is_that_of_the_figure(share: float, grade: str, said: str) -> None:
    found = mismatch_verdict(share)
    assert found["grade"] == grade and said in found["verdict"]
    assert f" {100 * share:.0f}\u00a0%".replace("-", "−") in found["text"]
