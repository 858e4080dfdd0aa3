"""Which pretrained weights a configuration reads."""

from __future__ import annotations

from dataclasses import asdict

from difftalker.config import Params
from difftalker.weights.table import SD15, SD15_REVISION, Weight, weight_named


def needed(params: Params) -> list[Weight]:
    """The weights that the stages read with these parameters, as they are pinned."""
    uses = {
        "deepspeech": params.audio.encoder == "deepspeech",
        "fan2d": params.detector.name == "fan",
        "syncnet": params.syncnet.source == "official",
        "sd15": params.prior.source == "huggingface"
        and (params.prior.model, params.prior.revision) == (SD15, SD15_REVISION),
    }
    pins = asdict(params.weights)
    return [weight_named(name, pins.get(name)) for name, used in uses.items() if used]
