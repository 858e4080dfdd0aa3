"""Whether the pretrained weights that the parameters ask for are here."""

from __future__ import annotations

from difftalker.config import Params
from difftalker.doctor.findings import Finding
from difftalker.weights.needed import needed
from difftalker.weights.store import path_of


def pretrained(params: Params) -> list[Finding]:
    """One line if any are needed. Looks whether they are there; `difftalker weights verify` reads them."""
    weights = needed(params)
    absent = [weight.name for weight in weights if not path_of(weight).exists()]
    if absent:
        text = f"not here: {', '.join(absent)}"
        return [Finding("pretrained weights", text, "problem", "run `difftalker weights fetch`")]
    return [Finding("pretrained weights", ", ".join(weight.name for weight in weights))] if weights else []
