"""The gates of a retraining as Markdown: candidate against champion, and the parameters that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from difftalker.evaluation.promotion import PromotionVerdict

# What a promotion's message quotes of the films' figures: name, kind of film, key.
_MAIN = (
    ("LD", "own", "ld"),
    ("PSNR jaw", "own", "psnr_jaw"),
    ("sharpness", "own", "sharpness_ratio"),
    ("LSE-D", "driven", "lse_d"),
    ("closure", "driven", "closure"),
    ("opening", "driven", "opening_slope"),
)


def main_figures(metrics: Mapping[str, Any]) -> str:
    """The films' main figures in metrics.json, as far as it has them, in a line."""
    films = metrics.get("film", {})
    found = {name: films.get(kind, {}).get(key) for name, kind, key in _MAIN}
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items() if value is not None)


def gates_markdown(
    title: str,
    verdict: PromotionVerdict,
    candidate: Mapping[str, Any],
    champion: Mapping[str, Any],
    notes: Sequence[str],
) -> str:
    """The comparison as Markdown.

    Args:
        title: who is compared with whom.
        verdict: the gates.
        candidate, champion: parameters of both, by dotted keys.
        notes: how the champion was measured; a paragraph each.
    """
    lines = [
        f"{title}: {verdict.explain()}",
        "",
        "| gate | measure | candidate | champion | at most | |",
        "|---|---|--:|--:|--:|---|",
    ]
    for gate in verdict.gates:
        figures = " | ".join(
            "–" if value is None else f"{value:.4g}" for value in (gate.candidate, gate.champion, gate.limit)
        )
        lines.append(f"| {gate.name} | {gate.measure} | {figures} | {'holds' if gate.passed else 'fails'} |")
    changed = [key for key in sorted(candidate.keys() | champion.keys()) if candidate.get(key) != champion.get(key)]
    if changed:
        lines += ["", "| parameter | candidate | champion |", "|---|---|---|"]
        lines += [f"| `{key}` | `{candidate.get(key)}` | `{champion.get(key)}` |" for key in changed]
    for note in notes:
        lines += ["", note]
    return "\n".join(lines)
