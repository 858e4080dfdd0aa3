"""What would stop a later stage after hours: no GPU, wrong weights, a prior that does not fit.

What is looked up by name here decides no result, so it is no dependency of the stages.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from difftalker.config import load_params

_READERS: dict[str, tuple[str, ...]] = {  # of weights: module, function and what it takes beside the path
    "deepspeech": ("difftalker.audio.deepspeech.network", "load_deepspeech"),
    "fan2d": ("difftalker.face.fan_detector", "load_fan", "cpu"),
    "syncnet": ("difftalker.sync.official", "read_published"),
}


def check_ahead(name: str) -> None:
    """Find at the start of a stage what would stop a later one; what concerns all is looked at by the first alone.

    Args:
        name: the stage's name, with `@recording` where it belongs to one.

    Raises:
        UserError: `params.yaml` is wrong, the device is not present, weights are missing or damaged, or the prior does
            not fit the crops.
    """
    if not Path("params.yaml").exists():
        return
    params = load_params()
    if params.device in ("cuda", "mps"):
        importlib.import_module("difftalker.compute.device").select_device(params.device)
    if not name.startswith(("check_params", "extract_frames")):
        return
    reads = {
        "deepspeech": params.audio.encoder == "deepspeech",
        "fan2d": params.detector.name == "fan",
        "syncnet": params.syncnet.source == "official",
    }
    for weight in (weight for weight, is_read in reads.items() if is_read):
        path = importlib.import_module("difftalker.weights.store").locate(weight, getattr(params.weights, weight))
        module, reader, *more = _READERS[weight]
        getattr(importlib.import_module(module), reader)(path, *more)  # a file of one's own may be of another network
    if params.prior.source == "huggingface":
        check = importlib.import_module("difftalker.painting.diffusion.stable_diffusion").check_model
        check(params.prior.model, params.prior.revision, params.video.size)
