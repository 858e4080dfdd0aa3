"""The promotion gate: no worse than the champion, by margins, and nothing unmeasured passes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.config import PromotionConfig
from difftalker.errors import UserError
from difftalker.evaluation.promotion import judge_candidate

MARGINS = PromotionConfig(ld=0.1, lse_d=0.05, closure=0.1, opening=0.2, sharpness=0.2, undetected=0.01)
PLACES = {  # gate -> kind of film and key in it
    "ld": ("own", "ld"),
    "lse_d": ("driven", "lse_d"),
    "closure": ("driven", "closure"),
    "opening": ("driven", "opening_slope"),
    "sharpness": ("own", "sharpness_ratio"),
    "undetected": ("driven", "undetected"),
}
CHAMPION_FIGURES = {
    "ld": 0.002, "lse_d": 7.0, "closure": 0.9, "opening": 0.9, "sharpness": 0.95, "undetected": 0
}  # fmt: skip


def document(figures: dict[str, Any], frames: Any = 200, unpainted: Any = 0) -> dict[str, Any]:
    """A metrics.json with figures by the names of their gates; None leaves one out."""
    films: dict[str, dict[str, Any]] = {"own": {}, "driven": {"frames": frames, "unpainted": unpainted}}
    for gate, value in figures.items():
        if value is not None:
            films[PLACES[gate][0]][PLACES[gate][1]] = value
    return {"test_frames": 200, "film": films}


CHAMPION = document(CHAMPION_FIGURES)

distances = st.floats(1e-6, 100.0)
margins = st.builds(PromotionConfig, *(st.floats(0.0, 1.0) for _ in range(6)))
documents = st.fixed_dictionaries(
    {
        "ld": distances,
        "lse_d": distances,
        "closure": st.floats(0.0, 1.0),
        "opening": st.floats(-1.0, 3.0),
        "sharpness": st.floats(0.0, 10.0),
        "undetected": st.integers(0, 200),
    }
).map(document)


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, ()),
        # Just inside every margin.
        ({"ld": 0.00219, "lse_d": 7.34, "closure": 0.81, "opening": 0.71, "sharpness": 0.76, "undetected": 2}, ()),
        ({"opening": 1.29, "sharpness": 1.24}, ()),  # as far above 1 as they may be below
        ({"ld": 0.00221}, ("ld",)),
        ({"lse_d": 7.36}, ("lse_d",)),
        ({"closure": 0.79}, ("closure",)),
        ({"opening": 0.69}, ("opening",)),
        ({"opening": 1.31}, ("opening",)),
        ({"sharpness": 0.74}, ("sharpness",)),
        ({"sharpness": 1.26}, ("sharpness",)),
        ({"undetected": 3}, ("undetected",)),
        ({"ld": 0.001, "lse_d": 8.0, "closure": 0.0}, ("lse_d", "closure")),  # better in one makes up for nothing
    ],
)
def test_gates_by_hand(change: dict[str, float], failed: tuple[str, ...]) -> None:
    verdict = judge_candidate(document(CHAMPION_FIGURES | change), CHAMPION, MARGINS)
    assert tuple(gate.name for gate in verdict.failed) == failed
    assert verdict.passed == (not failed)
    assert all(name in verdict.explain() for name in failed)


def test_frames_left_unpainted_are_faceless() -> None:
    """Of 200 frames, 190 are scored: 1 without a face and 10 that show the source."""
    candidate = document(CHAMPION_FIGURES | {"undetected": 1}, frames=190, unpainted=10)
    (gate,) = judge_candidate(candidate, CHAMPION, MARGINS).failed
    assert (gate.name, gate.candidate) == ("undetected", pytest.approx(11 / 200))


def test_says_by_how_much() -> None:
    verdict = judge_candidate(document(CHAMPION_FIGURES | {"lse_d": 8.0}), CHAMPION, MARGINS)
    assert verdict.explain() == "lse_d fails by 0.65: LSE-D 8, champion 7, at most 7.35"
    assert judge_candidate(CHAMPION, CHAMPION, MARGINS).explain() == "every gate holds"


@given(documents, margins)
def test_the_champion_itself_passes(metrics: dict[str, Any], config: PromotionConfig) -> None:
    assert judge_candidate(metrics, metrics, config).passed


@given(documents, documents, margins, st.floats(0.0, 1.0))
def test_wider_margins_never_refuse_more(a: Any, b: Any, config: PromotionConfig, more: float) -> None:
    wider = PromotionConfig(**{name: min(value + more, 1.0) for name, value in asdict(config).items()})
    narrow, wide = judge_candidate(a, b, config), judge_candidate(a, b, wider)
    assert {gate.name for gate in wide.failed} <= {gate.name for gate in narrow.failed}


@given(documents, documents, margins)
def test_excess_tells_the_failed_gates(a: Any, b: Any, config: PromotionConfig) -> None:
    verdict = judge_candidate(a, b, config)
    assert all((gate.excess or 0.0) > 0 for gate in verdict.failed)
    assert verdict.passed == (not verdict.failed)


@given(
    margins,
    st.sampled_from(sorted(PLACES)),
    st.sampled_from([None, float("nan"), float("inf"), "0.1", True]),
    st.booleans(),
)
def test_unmeasured_fails_its_gate(config: PromotionConfig, gate: str, value: Any, of_champion: bool) -> None:
    broken = document(CHAMPION_FIGURES | {gate: value})
    verdict = judge_candidate(CHAMPION, broken, config) if of_champion else judge_candidate(broken, CHAMPION, config)
    assert [failed.name for failed in verdict.failed] == [gate]
    assert f"{'champion' if of_champion else 'candidate'} has no" in verdict.explain()


@pytest.mark.parametrize("film", [{}, None, {"own": 1}])
def test_a_run_without_films_passes_no_gate(film: Any) -> None:
    verdict = judge_candidate({"test_frames": 200, "film": film}, CHAMPION, MARGINS)
    assert {gate.name for gate in verdict.failed} == set(PLACES)


def test_other_test_split_is_refused() -> None:
    with pytest.raises(UserError, match="200 for the candidate and 150"):
        judge_candidate(CHAMPION, CHAMPION | {"test_frames": 150}, MARGINS)
