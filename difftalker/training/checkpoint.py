"""Training checkpoints: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difftalker.files import replacing


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name and rename it; the one before is kept beside it.

    Args:
        path: the checkpoint.
        state: tensors, numbers and strings in dicts and lists.

    Raises:
        OSError: there is no room for it, or it may not be written.
    """
    with replacing(path) as partial:
        try:
            with partial.open("wb") as file:
                torch.save(state, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # what the system said; torch's own words hide it
                raise error.__context__ from None
            raise
        if path.exists():
            path.replace(_before(path))


def load_checkpoint(path: Path, run: dict[str, Any], shapes: dict[str, Tensor]) -> dict[str, Any] | None:
    """Read a checkpoint if it belongs to this training; if it cannot be used, the one before.

    Args:
        path: the checkpoint; may be missing.
        run: what identifies the training, to be found under the key `run`.
        shapes: the trained tensors, to compare names and shapes with those under the keys `model` and `ema`.

    Returns:
        The state, or None where there is none to go on from; files that cannot be used are warned of in one line each.
    """
    for candidate in (path, _before(path)):
        if not candidate.exists():
            continue
        try:
            state = torch.load(candidate, map_location="cpu", weights_only=True)
            fits = state["run"] == run and all(_same(state[key], shapes) for key in ("model", "ema"))
        except Exception as error:  # a broken file fails in many ways, none of which may stop the training
            reason = f"cannot be read ({type(error).__name__})"
        else:
            if fits:
                return state
            reason = "belongs to another training"
        print(f"warning: {candidate}: {reason}; it is not used", file=sys.stderr)
    return None


def remove_checkpoint(path: Path) -> None:
    """Remove a checkpoint and the one before it: the training is done."""
    path.unlink(missing_ok=True)
    _before(path).unlink(missing_ok=True)


def _before(path: Path) -> Path:
    return path.with_name(f"{path.stem}.before{path.suffix}")


def _same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return found.keys() == expected.keys() and all(found[name].shape == expected[name].shape for name in expected)
