"""The headline figures, each with a verdict against the simple baselines or a stated bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from difftalker.report.comparison import Column

BASELINES = {"mean_mouth": "mean mouth", "nearest_audio": "nearest sound"}
SHARP_ENOUGH = 0.6  # share of the ground truth's sharpness below which a mouth looks soft

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
    sign = 1 if column.arrow == "↑" else -1
    rivals = {
        name: references[key][column.key] for key, name in BASELINES.items() if column.key in references.get(key, {})
    }
    value = metrics[column.key]
    wins = sum(sign * value > sign * rival for rival in rivals.values())
    grade = ("good" if wins == len(rivals) else "fair" if wins else "poor") if rivals else "plain"
    against = [f"{name} {column.show(rival)}" for name, rival in rivals.items()]
    if column.key == "lse_d" and "lse_d" in references.get("ground_truth", {}):
        against.insert(0, f"ground truth {column.show(references['ground_truth']['lse_d'])}")
    unit = "dB" if column.key == "psnr" else ""
    return _card(column.name, column.show(value), grade, _WORDS.get(grade, "No baseline"), " · ".join(against), unit)


def _offset(metrics: Mapping[str, Any]) -> dict[str, str]:
    truth = metrics["reference"].get("ground_truth", {}).get("sync_offset", 0)
    off = abs(metrics["sync_offset"] - truth)
    grade = "good" if off <= 1 else "fair" if off <= 2 else "poor"
    verdict = {"good": "In sync", "fair": "Slightly off", "poor": "Out of sync"}[grade]
    against = f"ground truth {_signed(truth)}; one frame apart passes"
    return _card("Sound offset", _signed(metrics["sync_offset"]), grade, verdict, against, "frames")


def _signed(offset: float) -> str:
    return f"{offset:+.0f}".replace("-", "−") if offset else "0"


def _sharpness(ratio: float) -> dict[str, str]:
    grade = "good" if ratio >= SHARP_ENOUGH else "fair" if ratio >= SHARP_ENOUGH / 2 else "poor"
    verdict = {"good": "Sharp enough", "fair": "Soft", "poor": "Blurred"}[grade]
    return _card("Mouth sharpness", f"{ratio:.2f}", grade, verdict, f"of the ground truth’s; {SHARP_ENOUGH} passes")


def _jitter(ratio: float) -> dict[str, str]:
    steady = 2 / 3 <= ratio <= 1.5
    verdict = "As steady as the footage" if steady else "Too smooth" if ratio < 1 else "Shaky"
    grade = "good" if steady else "fair"
    return _card("Mouth jitter", f"{ratio:.2f}", grade, verdict, "of the ground truth’s; 0.67–1.5 passes")
