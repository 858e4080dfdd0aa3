"""Models on disk: `config.json` for the constructor, `model.safetensors` for the weights; never pickles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from difftalker.errors import UserError

Model = TypeVar("Model", bound=nn.Module)

LOAD_ERRORS = (  # what a damaged file of a model raises, here and in the libraries that read it
    SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError, AssertionError,
    MemoryError, RuntimeError,
)  # fmt: skip


def save_weights(model: nn.Module, folder: Path, config: Mapping[str, Any]) -> None:
    """Write a model's configuration and weights into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config), indent=2, sort_keys=True) + "\n", encoding="utf-8")
    state = {name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")


def load_weights(folder: Path, build: Callable[[dict[str, Any]], Model]) -> Model:
    """Build a model from `config.json` and fill it from `model.safetensors`.

    Args:
        folder: what `save_weights` wrote.
        build: makes the model from the configuration.

    Raises:
        UserError: a file is missing or damaged, or the weights do not fit.
    """
    try:
        model = build(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or folder / 'model.safetensors'}: no such file; run `dvc repro`") from None
    except PermissionError as error:
        raise UserError(f"{error.filename or folder}: may not be read by this user; change its permissions") from None
    except LOAD_ERRORS as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: the model cannot be loaded ({reason}); delete it and run `dvc repro`") from None
    return model
