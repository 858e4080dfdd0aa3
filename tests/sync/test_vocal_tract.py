"""Perturbation of the vocal tract's length."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.sync.vocal_tract import draw_factors, warp_bands


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
