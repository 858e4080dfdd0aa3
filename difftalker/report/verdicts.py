"""The headline figures, each with a verdict against the simple baselines or a stated bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from difftalker.report.results_tables import Column

BASELINES = {"mean_mouth": "mean mouth", "nearest_audio": "nearest sound", "ridge_regression": "ridge regression"}
CREDIBLE_OFFSET = 5  # frames; footage is not further out of sync than that, so an expert that says so is at fault

_COMPARED = ("psnr_jaw", "ssim_jaw", "ld_mouth")  # of films over their own pictures
_AS_REAL = 0.05, 0.15  # shares by which the film's LSE-D may exceed the real video's: good, fair

_WORDS = {"good": "Beats all baselines", "fair": "Beats some baselines", "poor": "Beats no baseline"}


def headline_cards(metrics: Mapping[str, Any], speed: Mapping[str, Any], shown: list[Column]) -> list[dict[str, str]]:
    """What the page opens with: name, value, unit, against, grade (good, fair, poor or plain) and verdict.

    The figures are those of films as `dub` makes them: over their own pictures where the real video is asked for, over
    other pictures where the speech is.
    """
    by_key = {column.key: column for column in shown}
    own, driven = (metrics["film"].get(kind, {}) for kind in ("own", "driven"))
    references = metrics["reference"]
    found = [_compared(own, references, by_key[key]) for key in _COMPARED if key in own]
    if "sharpness_ratio" in own:
        found.append(_sharpness(own["sharpness_ratio"]))
    if "flicker_ratio" in own:
        found.append(_flicker(own["flicker_ratio"]))
    if "opening_r" in driven:
        found.append(_opening(driven["opening_r"], driven["opening_slope"]))
    if "closure" in driven:
        found.append(_closure(driven["closure"], driven["closure_moments"]))
    if "lse_d" in driven:
        found += [_sync(driven, references, by_key["lse_d"]), _offset(driven, references)]
    if "landmark_distance" in metrics:
        found.append(_compared(metrics, references, by_key["landmark_distance"]))
    value = f"{speed['fps']:.1f}"
    found.append(_card("Speed", value, "plain", "Measured here", "synthesis, end to end", "frames/s"))
    return found


def headline(found: list[dict[str, str]]) -> str:
    """One sentence over all verdicts."""
    judged = [card for card in found if card["grade"] != "plain"]
    good = sum(card["grade"] == "good" for card in judged)
    return f"{good} of {len(judged)} measures are as good as they should be."


def _card(name: str, value: str, grade: str, verdict: str, against: str, unit: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "unit": unit, "against": against, "grade": grade, "verdict": verdict}


def _compared(figures: Mapping[str, Any], references: Mapping[str, Any], column: Column) -> dict[str, str]:
    has = [key for key in BASELINES if column.key in references.get(key, {})]
    rivals = {BASELINES[key]: references[key][column.key] for key in has}
    against = " · ".join(f"{name} {column.show(rival)}" for name, rival in rivals.items())
    grade = _grade(column, figures[column.key], rivals)
    unit = "dB" if column.key.startswith("psnr") else ""
    return _card(column.name, column.show(figures[column.key]), grade, _WORDS.get(grade, "No baseline"), against, unit)


def _sync(driven: Mapping[str, Any], references: Mapping[str, Any], column: Column) -> dict[str, str]:
    real = references.get("ground_truth", {}).get("lse_d")
    if real is None:
        return _card(column.name, column.show(driven["lse_d"]), "plain", "Nothing to compare with", "")
    rivals = {name: references[name]["lse_d"] for name in BASELINES if "lse_d" in references.get(name, {})}
    excess = driven["lse_d"] / real - 1
    good, fair = _AS_REAL
    grade = "good" if excess <= good else "fair" if excess <= fair else "poor"
    verdict = {"good": "As real lips", "fair": "Nearly as real lips", "poor": "Behind real lips"}[grade]
    if rivals and _grade(column, real, rivals) != "good":
        grade, verdict = "plain", "Expert cannot tell"  # not even the real lips are ahead
    against = f"real video {column.show(real)}; {100 * good:.0f} % more passes"
    return _card(column.name, column.show(driven["lse_d"]), grade, verdict, against)


def _grade(column: Column, value: float, rivals: Mapping[str, float]) -> str:
    sign = 1 if column.arrow == "↑" else -1
    wins = sum(sign * value > sign * rival for rival in rivals.values())
    if not rivals:
        return "plain"
    return "good" if wins == len(rivals) else "fair" if wins else "poor"


def _offset(driven: Mapping[str, Any], references: Mapping[str, Any]) -> dict[str, str]:
    real = references.get("ground_truth", {}).get("sync_offset", 0)
    off = abs(driven["sync_offset"] - real)
    grade = "good" if off <= 1 else "fair" if off <= 2 else "poor"
    verdict = {"good": "In sync", "fair": "Slightly off", "poor": "Out of sync"}[grade]
    if abs(real) > CREDIBLE_OFFSET:
        grade, verdict = "plain", "Expert cannot tell"
    against = f"real video {_signed(real)}; one frame apart passes"
    return _card("Sound offset", _signed(driven["sync_offset"]), grade, verdict, against, "frames")


def _signed(offset: float) -> str:
    return f"{offset:+.0f}".replace("-", "−") if offset else "0"


def _sharpness(ratio: float) -> dict[str, str]:
    grade = _near_one(ratio, 0.9, 0.6)
    verdict = "As sharp as the footage" if grade == "good" else "Noisy" if ratio > 1 else "Soft"
    against = "of the footage’s, in its own pixels; 0.9–1.1 passes"
    return _card("Mouth sharpness", f"{ratio:.2f}", grade, "Blurred" if ratio < 0.3 else verdict, against)


def _flicker(ratio: float) -> dict[str, str]:
    grade = _near_one(ratio, 0.9, 2 / 3)
    verdict = "As steady as the footage" if grade == "good" else "Flickers" if ratio > 1 else "Too smooth"
    return _card("Flicker", f"{ratio:.2f}", grade, verdict, "of the footage’s; 0.9–1.1 passes")


def _opening(r: float, slope: float) -> dict[str, str]:
    grade = "good" if r >= 0.85 and 0.8 <= slope <= 1.2 else "fair" if r >= 0.6 else "poor"
    verdict = {"good": "Opens as the speaker does", "fair": "Follows the speaker", "poor": "Opens at other times"}[
        grade
    ]
    return _card("Mouth opening", f"{r:.2f}", grade, verdict, f"correlation, slope {slope:.2f}; 0.85 and 0.8–1.2 pass")


def _closure(share: float, moments: int) -> dict[str, str]:
    grade = "good" if share >= 0.95 else "fair" if share >= 0.75 else "poor"
    verdict = {"good": "Closes on b, p, m", "fair": "Closes mostly", "poor": "Stays open"}[grade]
    return _card("Lips closed", f"{100 * share:.1f}", grade, verdict, f"of {moments} closures; 95 passes", "%")


def _near_one(ratio: float, good: float, fair: float) -> str:
    distance = min(ratio, 1 / ratio) if ratio > 0 else 0.0
    return "good" if distance >= good else "fair" if distance >= fair else "poor"
