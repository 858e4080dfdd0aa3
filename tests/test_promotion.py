"""The promotion gate: no worse than the champion, by margins, and nothing unmeasured passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.config import PromotionConfig
from difftalker.errors import UserError
from difftalker.promotion import judge

MARGINS = PromotionConfig(ld=0.1, lse_d=0.05, jitter=0.2, undetected=0.01)
CHAMPION = {"ld": 0.002, "lse_d": 7.0, "jitter_ratio": 0.9, "undetected": 0, "test_frames": 200}
KEYS = {"ld": "ld", "lse_d": "lse_d", "jitter": "jitter_ratio", "undetected": "undetected"}

distances = st.floats(1e-6, 100.0)
margins = st.builds(PromotionConfig, *(st.floats(0.0, 1.0) for _ in range(4)))
documents = st.fixed_dictionaries(
    {
        "ld": distances,
        "lse_d": distances,
        "jitter_ratio": st.floats(0.0, 10.0),
        "undetected": st.integers(0, 200),
        "test_frames": st.just(200),
    }
)


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, ()),
        ({"ld": 0.00219, "lse_d": 7.34, "jitter_ratio": 0.71, "undetected": 2}, ()),  # just inside every margin
        ({"jitter_ratio": 1.29}, ()),  # as far above 1 as 0.71 is below
        ({"ld": 0.00221}, ("ld",)),
        ({"lse_d": 7.36}, ("lse_d",)),
        ({"jitter_ratio": 0.69}, ("jitter",)),
        ({"jitter_ratio": 1.31}, ("jitter",)),
        ({"undetected": 3}, ("undetected",)),
        ({"ld": 0.001, "lse_d": 8.0, "jitter_ratio": 2.0}, ("lse_d", "jitter")),  # better in one makes up for nothing
    ],
)
def test_gates_by_hand(change: dict[str, float], failed: tuple[str, ...]) -> None:
    verdict = judge(CHAMPION | change, CHAMPION, MARGINS)
    assert tuple(gate.name for gate in verdict.failed) == failed
    assert verdict.passed == (not failed)
    assert all(name in verdict.explain() for name in failed)


def test_says_by_how_much() -> None:
    verdict = judge(CHAMPION | {"lse_d": 8.0}, CHAMPION, MARGINS)
    assert verdict.explain() == "lse_d fails by 0.65: LSE-D 8, champion 7, at most 7.35"
    assert judge(CHAMPION, CHAMPION, MARGINS).explain() == "every gate holds"


@given(documents, margins)
def test_the_champion_itself_passes(metrics: dict[str, Any], config: PromotionConfig) -> None:
    assert judge(metrics, metrics, config).passed


@given(documents, documents, margins, st.floats(0.0, 1.0))
def test_wider_margins_never_refuse_more(a: Any, b: Any, config: PromotionConfig, more: float) -> None:
    wider = PromotionConfig(
        ld=config.ld + more,
        lse_d=config.lse_d + more,
        jitter=config.jitter + more,
        undetected=min(1.0, config.undetected + more),
    )
    narrow, wide = judge(a, b, config), judge(a, b, wider)
    assert {gate.name for gate in wide.failed} <= {gate.name for gate in narrow.failed}


@given(documents, documents, margins)
def test_excess_tells_the_failed_gates(a: Any, b: Any, config: PromotionConfig) -> None:
    verdict = judge(a, b, config)
    assert all((gate.excess or 0.0) > 0 for gate in verdict.failed)
    assert verdict.passed == (not verdict.failed)


@given(
    documents,
    margins,
    st.sampled_from(sorted(KEYS)),
    st.sampled_from([None, float("nan"), float("inf"), "0.1", True]),
    st.booleans(),
)
def test_unmeasured_fails_its_gate(
    metrics: dict[str, Any], config: PromotionConfig, gate: str, value: Any, of_champion: bool
) -> None:
    broken = {key: kept for key, kept in metrics.items() if key != KEYS[gate]}
    if value is not None:
        broken[KEYS[gate]] = value
    verdict = judge(metrics, broken, config) if of_champion else judge(broken, metrics, config)
    assert [failed.name for failed in verdict.failed] == [gate]
    assert f"{'champion' if of_champion else 'candidate'} has no" in verdict.explain()


def test_other_test_split_is_refused() -> None:
    with pytest.raises(UserError, match="200 for the candidate and 150"):
        judge(CHAMPION, CHAMPION | {"test_frames": 150}, MARGINS)
