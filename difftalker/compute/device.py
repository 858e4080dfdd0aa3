"""Where the networks run."""

from __future__ import annotations

from typing import Literal

import torch

from difftalker.errors import UserError


def select_device(name: Literal["auto", "cpu", "cuda", "mps"]) -> torch.device:
    """The device of that name; `auto` takes the first present of CUDA, MPS and CPU.

    Raises:
        UserError: the named device is not present.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in present.items() if found))
    if not present[name]:
        found = ", ".join(kind for kind, is_there in present.items() if is_there)
        raise UserError(f"device = {name}: not present on this machine (found: {found}); set device: auto")
    return torch.device(name)
