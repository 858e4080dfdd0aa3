"""The headline figures, each with a verdict against the simple baselines or a stated bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from difftalker.report.comparison import Column

BASELINES = {"mean_mouth": "mean mouth", "nearest_audio": "nearest sound"}
SHARP = (0.6, 1.5)  # shares of the ground truth's sharpness: below, a mouth looks soft; above, noisy
CREDIBLE = 5  # frames; footage is not further out of sync than that, so an expert that says so is at fault

_COMPARED = ("landmark_distance", "ld", "ld_mouth", "psnr", "ssim", "lse_d")

_WORDS = {"good": "Beats both baselines", "fair": "Beats one baseline", "poor": "Beats no baseline"}


def cards(metrics: Mapping[str, Any], speed: Mapping[str, Any], shown: list[Column]) -> list[dict[str, str]]:
    """What the page opens with: name, value, unit, against, grade (good, fair, poor or plain) and verdict."""
    by_key = {column.key: column for column in shown}
    found = [_compared(metrics, by_key[key]) for key in _COMPARED if key in metrics]
    if "sync_offset" in metrics:
        found.append(_offset(metrics))
    if "sharpness_ratio" in metrics:
        found.append(_sharpness(metrics["sharpness_ratio"]))
    if "jitter_ratio" in metrics:
        found.append(_jitter(metrics["jitter_ratio"]))
    value = f"{speed['fps']:.1f}"
    found.append(_card("Speed", value, "plain", "Measured here", "synthesis, end to end", "frames/s"))
    return found


def headline(found: list[dict[str, str]]) -> str:
    """One sentence over all verdicts."""
    compared = [card for card in found if card["verdict"] in _WORDS.values()]
    ahead = sum(card["grade"] == "good" for card in compared)
    return f"The generated frames are ahead of both simple baselines in {ahead} of {len(compared)} measures."


def _card(name: str, value: str, grade: str, verdict: str, against: str, unit: str = "") -> dict[str, str]:
    return {"name": name, "value": value, "unit": unit, "against": against, "grade": grade, "verdict": verdict}


def _compared(metrics: Mapping[str, Any], column: Column) -> dict[str, str]:
    references = metrics["reference"]
    has = [key for key in BASELINES if column.key in references.get(key, {})]
    rivals = {BASELINES[key]: references[key][column.key] for key in has}
    against = [f"{name} {column.show(rival)}" for name, rival in rivals.items()]
    grade = _grade(column, metrics[column.key], rivals)
    verdict = _WORDS.get(grade, "No baseline")
    if column.key == "lse_d" and "lse_d" in references.get("ground_truth", {}):
        truth = references["ground_truth"]["lse_d"]
        against.insert(0, f"ground truth {column.show(truth)}")
        if rivals and _grade(column, truth, rivals) != "good":
            grade, verdict = "plain", "Expert cannot tell"  # not even the real lips are ahead
    unit = "dB" if column.key == "psnr" else ""
    return _card(column.name, column.show(metrics[column.key]), grade, verdict, " · ".join(against), unit)


def _grade(column: Column, value: float, rivals: Mapping[str, float]) -> str:
    sign = 1 if column.arrow == "↑" else -1
    wins = sum(sign * value > sign * rival for rival in rivals.values())
    if not rivals:
        return "plain"
    return "good" if wins == len(rivals) else "fair" if wins else "poor"


def _offset(metrics: Mapping[str, Any]) -> dict[str, str]:
    truth = metrics["reference"].get("ground_truth", {}).get("sync_offset", 0)
    off = abs(metrics["sync_offset"] - truth)
    grade = "good" if off <= 1 else "fair" if off <= 2 else "poor"
    verdict = {"good": "In sync", "fair": "Slightly off", "poor": "Out of sync"}[grade]
    if abs(truth) > CREDIBLE:
        grade, verdict = "plain", "Expert cannot tell"
    against = f"ground truth {_signed(truth)}; one frame apart passes"
    return _card("Sound offset", _signed(metrics["sync_offset"]), grade, verdict, against, "frames")


def _signed(offset: float) -> str:
    return f"{offset:+.0f}".replace("-", "−") if offset else "0"


def _sharpness(ratio: float) -> dict[str, str]:
    low, high = SHARP
    soft = "Soft" if ratio >= low / 2 else "Blurred"
    verdict = "As sharp as it should be" if low <= ratio <= high else soft if ratio < low else "Noisy"
    grade = "good" if low <= ratio <= high else "fair" if ratio >= low / 2 else "poor"
    return _card("Mouth sharpness", f"{ratio:.2f}", grade, verdict, f"of the ground truth’s; {low}–{high} passes")


def _jitter(ratio: float) -> dict[str, str]:
    steady = 2 / 3 <= ratio <= 1.5
    verdict = "As steady as the footage" if steady else "Too smooth" if ratio < 1 else "Shaky"
    grade = "good" if steady else "fair"
    return _card("Mouth jitter", f"{ratio:.2f}", grade, verdict, "of the ground truth’s; 0.67–1.5 passes")
