"""Whether a retrained face may replace the champion: gates on the metrics of one test split.

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
class Verdict:
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


def judge(candidate: Mapping[str, Any], champion: Mapping[str, Any], config: PromotionConfig) -> Verdict:
    """Compare two metrics.json of the same test split.

    LD and LSE-D are distances, so their margins are shares of the champion's value. Jitter is a ratio to the ground
    truth, best at 1, so its measure is the distance from 1 and its margin absolute. LD counts only frames in which a
    face was found; so that a face falling apart cannot improve it, the share of frames without one is a gate too.

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
    return Verdict(
        (
            _relative("ld", "LD", "ld", candidate, champion, config.ld),
            _relative("lse_d", "LSE-D", "lse_d", candidate, champion, config.lse_d),
            _absolute("jitter", "distance of the jitter ratio from 1", _jitter, candidate, champion, config.jitter),
            _absolute(
                "undetected", "share of frames without a face", _undetected, candidate, champion, config.undetected
            ),
        )
    )


def _relative(
    name: str, measure: str, key: str, candidate: Mapping[str, Any], champion: Mapping[str, Any], margin: float
) -> Gate:
    here, there = _number(candidate, key), _number(champion, key)
    return Gate(name, measure, here, there, None if there is None else there * (1 + margin))


def _absolute(
    name: str,
    measure: str,
    value: Callable[[Mapping[str, Any]], float | None],
    candidate: Mapping[str, Any],
    champion: Mapping[str, Any],
    margin: float,
) -> Gate:
    here, there = value(candidate), value(champion)
    return Gate(name, measure, here, there, None if there is None else there + margin)


def _jitter(metrics: Mapping[str, Any]) -> float | None:
    ratio = _number(metrics, "jitter_ratio")
    return None if ratio is None else abs(ratio - 1)


def _undetected(metrics: Mapping[str, Any]) -> float | None:
    lost, frames = _number(metrics, "undetected"), _number(metrics, "test_frames")
    return None if lost is None or not frames else lost / frames


def _number(metrics: Mapping[str, Any], key: str) -> float | None:
    value = metrics.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
