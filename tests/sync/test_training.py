"""Contrastive training on an invented speaker: a bright patch that follows the loudness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.sync.lse import LseScorer
from difftalker.sync.network import SyncNet, levelled_log_mel, lower_halves
from difftalker.sync.training import TrainingRun, draw_factors, train_syncnet, warp_bands

CPU = torch.device("cpu")


def speaker(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Crops (count, 64, 64, 3) uint8 and their sound (640 count,) int16; both follow one loudness."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.random(count // 2 + 1), 2)[:count]
    frames = np.full((count, 64, 64, 3), 90, np.uint8)
    for frame, value in zip(frames, loudness, strict=True):
        frame[40 : 42 + int(18 * value), 16:48] = 230
    sound = rng.normal(size=(count, 640)) * (10 ** (3 * loudness - 3) * 8000)[:, None]
    return frames, sound.reshape(-1).clip(-32768, 32767).astype(np.int16)


def run(count: int, seed: int) -> TrainingRun:
    frames, sound = speaker(count, seed)
    return TrainingRun(lower_halves(frames), torch.from_numpy(levelled_log_mel(sound)))


@pytest.fixture(scope="module")
def trained() -> SyncNet:
    config = TrainConfig(steps=60, batch_size=16, learning_rate=0.003, ema_decay=0.9)
    return train_syncnet([run(150, 0), run(80, 1)], 25.0, config, seed=0, device=CPU, checkpoint=None)[0]


def means(model: SyncNet, frames: np.ndarray, sound: np.ndarray) -> dict[str, float]:
    scorer = LseScorer(model, [slice(0, len(frames))], [model.embed_audio(sound)])
    scorer.add(slice(0, len(frames)), frames)
    return scorer.means()


@pytest.mark.parametrize("shift", [-6, 0, 4])
def test_offset_of_unseen_footage(trained: SyncNet, shift: int) -> None:
    frames, sound = speaker(100, 7)
    result = means(trained, np.roll(frames, shift, axis=0)[15:85], sound[15 * 640 : 85 * 640])
    assert result["sync_offset"] == shift
    assert result["lse_c"] > 0.1


def test_still_lips_score_worse(trained: SyncNet) -> None:
    frames, sound = speaker(100, 7)
    still = np.repeat(frames[:1], len(frames), axis=0)
    live, dead = means(trained, frames, sound), means(trained, still, sound)
    assert live["lse_d"] < dead["lse_d"] - 0.1 and live["lse_c"] > dead["lse_c"] + 0.1


def test_runs_of_one_window_are_left_out() -> None:
    config = TrainConfig(steps=1, batch_size=4, learning_rate=0.001)
    with pytest.raises(UserError, match="6 training frames follow each other"):
        train_syncnet([run(5, 0), run(4, 1)], 25.0, config, seed=0, device=CPU, checkpoint=None)
    train_syncnet([run(5, 0), run(6, 1)], 25.0, config, seed=0, device=CPU, checkpoint=None)


def test_a_factor_of_one_changes_nothing() -> None:
    rows = torch.randn(3, 16, 29, generator=torch.Generator().manual_seed(0))
    assert torch.equal(warp_bands(rows, torch.ones(3)), rows)


@given(st.lists(st.floats(0.5, 1.5), min_size=1, max_size=4), st.integers(0, 99))
def test_agrees_with_interpolation_by_numpy(factors: list[float], seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(len(factors), 2, 29))
    warped = warp_bands(torch.from_numpy(rows), torch.tensor(factors, dtype=torch.float64)).numpy()
    for item, factor in enumerate(factors):
        for row in range(2):
            expected = np.interp(np.arange(29) * factor, np.arange(29), rows[item, row])
            np.testing.assert_allclose(warped[item, row], expected, atol=1e-9)


def test_a_formant_moves_by_the_factor() -> None:
    bands = torch.arange(29.0)
    rows = torch.exp(-((bands - 12) ** 2) / 8).view(1, 1, 29)
    assert int(warp_bands(rows, torch.tensor([1.2]))[0, 0].argmax()) == 10
    assert int(warp_bands(rows, torch.tensor([0.8]))[0, 0].argmax()) == 15


def test_factors_fill_their_range() -> None:
    factors = draw_factors(1000, 0.3, torch.Generator().manual_seed(0))
    assert 0.7 <= float(factors.min()) < 0.72 and 1.28 < float(factors.max()) <= 1.3
