"""Batches of shuffled epochs."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.training.sampler import BatchSampler


@given(items=st.integers(1, 30), batch_size=st.integers(1, 40), seed=st.integers(0, 5))
def test_every_epoch_holds_every_item_once(items: int, batch_size: int, seed: int) -> None:
    sampler = BatchSampler(items, batch_size, seed)
    drawn = torch.cat([sampler.next() for _ in range(-(-3 * items // batch_size))])
    assert drawn.dtype == torch.int64
    for epoch in drawn[: 3 * items].view(3, items):
        assert epoch.sort().values.tolist() == list(range(items))


def test_state_decides_what_follows() -> None:
    sampler, other = BatchSampler(10, 4, 0), BatchSampler(10, 4, 1)
    sampler.next()
    other.restore(sampler.state())
    for _ in range(5):
        assert torch.equal(sampler.next(), other.next())


def test_order_is_shuffled_by_the_seed() -> None:
    assert BatchSampler(100, 100, 0).next().tolist() != list(range(100))
    assert BatchSampler(100, 100, 0).next().tolist() != BatchSampler(100, 100, 1).next().tolist()
