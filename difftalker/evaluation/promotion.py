"""Whether a retrained face may replace the champion: gates on the films of one test split.

A gate is "no worse than the champion, by a margin". All gates have to hold. A figure that is missing or not a number
fails its gate: what was not measured cannot be called no worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from difftalker.config import PromotionConfig
from difftalker.errors import UserError

MetricReader = Callable[[Mapping[str, Any]], float | None]


@dataclass(frozen=True)
class Gate:
    """One gate's outcome.

    Attributes:
        name: the gate, as in `promotion` of params.yaml.
        measure: what is compared; less is better.
        candidate, champion: their values of the measure; None where metrics.json has none.
        limit: the largest value that passes; None where the champion has no value.
    """

    name: str
    measure: str
    candidate: float | None
    champion: float | None
    limit: float | None

    @property
    def excess(self) -> float | None:
        """By how much the candidate is over the limit; at most 0 if the gate holds, None if that is not known."""
        if self.candidate is None or self.limit is None:
            return None
        return self.candidate - self.limit

    @property
    def passed(self) -> bool:
        """Whether the gate holds."""
        return self.excess is not None and self.excess <= 0

    def explain(self) -> str:
        """The outcome in words, one line."""
        for whose, value in (("candidate", self.candidate), ("champion", self.champion)):
            if value is None:
                return f"{self.name}: the {whose} has no {self.measure}"
        assert self.excess is not None
        verdict = "holds" if self.passed else f"fails by {self.excess:.4g}"
        return (
            f"{self.name} {verdict}: {self.measure} {self.candidate:.4g}, "
            f"champion {self.champion:.4g}, at most {self.limit:.4g}"
        )


@dataclass(frozen=True)
class PromotionVerdict:
    """All gates of one comparison."""

    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate holds."""
        return all(gate.passed for gate in self.gates)

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that do not hold."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def explain(self) -> str:
        """One line: that all gates hold, or which do not and by how much."""
        if self.passed:
            return "every gate holds"
        return "; ".join(gate.explain() for gate in self.failed)


def judge_candidate(
    candidate: Mapping[str, Any], champion: Mapping[str, Any], config: PromotionConfig
) -> PromotionVerdict:
    """Compare two metrics.json of the same test split, by the figures of the films.

    What ships is judged: LSE-D, closure and the opening on films of held-out speech over other pictures; LD and
    sharpness on those over their own, where the real film is known. LD and LSE-D are distances, so their margins are
    shares of the champion's value. Other measures are best at 1, so what is compared is their distance from it, and the
    margin absolute. LD counts only frames in which a face was painted and found; so that a face falling apart cannot
    improve it, the share of the others is a gate too.

    Args:
        candidate, champion: parsed metrics.json.
        config: the margins.

    Raises:
        UserError: the two were not measured on the same number of test frames.
    """
    frames = [metrics.get("test_frames") for metrics in (candidate, champion)]
    if frames[0] != frames[1]:
        raise UserError(
            f"metrics.json: test_frames is {frames[0]} for the candidate and {frames[1]} for the champion; "
            "measure both on the same test split"
        )
    gates = []
    for name, (measure, value, is_relative) in _GATES.items():
        here, there, margin = value(candidate), value(champion), getattr(config, name)
        limit = None if there is None else there * (1 + margin) if is_relative else there + margin
        gates.append(Gate(name, measure, here, there, limit))
    return PromotionVerdict(tuple(gates))


def _figure(kind: str, key: str) -> MetricReader:
    return lambda metrics: _number(_film(metrics, kind), key)


def _from_one(kind: str, key: str) -> MetricReader:
    def value(metrics: Mapping[str, Any]) -> float | None:
        found = _number(_film(metrics, kind), key)
        return None if found is None else abs(found - 1)

    return value


def _faceless(metrics: Mapping[str, Any]) -> float | None:
    lost, bare, scored = (_number(_film(metrics, "driven"), key) for key in ("undetected", "unpainted", "frames"))
    if lost is None or bare is None or not scored:
        return None
    return (lost + bare) / (scored + bare)


# Name, as in `promotion` of params.yaml: measure, its value, and whether the margin is a share of the champion's.
_GATES: dict[str, tuple[str, MetricReader, bool]] = {
    "ld": ("LD", _figure("own", "ld"), True),
    "lse_d": ("LSE-D", _figure("driven", "lse_d"), True),
    "closure": ("share of closures missed", _from_one("driven", "closure"), False),
    "opening": ("distance of the opening's slope from 1", _from_one("driven", "opening_slope"), False),
    "sharpness": ("distance of the sharpness from the footage's", _from_one("own", "sharpness_ratio"), False),
    "undetected": ("share of frames without a painted face", _faceless, False),
}


def _film(metrics: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found = metrics.get("film", {})
    inside = found.get(kind, {}) if isinstance(found, Mapping) else {}
    return inside if isinstance(inside, Mapping) else {}


def _number(metrics: Mapping[str, Any], key: str) -> float | None:
    value = metrics.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
