"""Reading and checking `params.yaml`; the error names the file, the key, the value and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from difftalker.config.params import Params
from difftalker.config.yaml_text import parse_yaml
from difftalker.errors import UserError

_ADAPTER = TypeAdapter(Params)

# Keys that were renamed, by group: a params.yaml of an earlier version is told the new ones.
FORMER = {
    "frames.margin": "crop_scale",
    "frames.smoothing": "smoothing_seconds",
    "detector.smoothing": "smoothing_frames",
    "landmarks.audio_path": "audio_fusion",
    "landmarks.noise": "landmark_noise",
    "landmarks.sound_noise": "audio_noise",
    "landmarks.still": "resting_share",
    "landmarks.opening": "opening_weight",
    "face.train_decoder": "train_unet_decoder",
    "decoder.laplacian": "laplacian_weight",
    "decoder.energy": "energy_weight",
    "decoder.adversarial": "adversarial_weight",
    "train.checkpointing": "gradient_checkpointing",
}


def parse_params(data: Any, source: str = "params.yaml") -> Params:
    """Check a parsed YAML document.

    Args:
        data: the document, a mapping of the groups of `Params`.
        source: what to call the document in errors.

    Raises:
        UserError: one line naming the key, its value and what is allowed, for the first thing that is wrong.
    """
    try:
        return _ADAPTER.validate_json(json.dumps(data, default=str))  # JSON mode: strict, yet mappings are groups
    except ValidationError as error:
        raise UserError(f"{source}: {_explain(error)}") from None


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        UserError: the file is missing, is no YAML, or holds a wrong key, type or value.
    """
    return parse_params(read_yaml(Path(path)), str(path))


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        UserError: the file is missing or no YAML.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run from the project's folder or name the file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no UTF-8 text; save it as UTF-8 or restore the file from git") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise UserError(f"{path}{line}: not valid YAML; correct the line or restore the file from git") from None


def lookup(params: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key in nested mappings; None if there is none."""
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys of nested mappings, and their values."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        found |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def _explain(error: ValidationError) -> str:
    errors = error.errors()
    unknown = [each for each in errors if each["type"] in ("unexpected_keyword_argument", "extra_forbidden")]
    first = (unknown or errors)[0]  # a misspelt key is also the absence of the right one: say what was written
    key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
    if unknown:
        return f"unknown key {key}; {_advice(first['loc'])}"
    if first["type"] in ("missing", "missing_argument"):
        return f"key {key} is missing; add it (presets/demo.yaml shows every key)"
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message  # two groups that do not fit; the message names the keys
    return f"{key} = {first['input']!r}: {message[0].lower()}{message[1:]}"


def _advice(location: tuple[int | str, ...]) -> str:
    """What an unknown key is called now, or may have been meant to be: one spelt like it, or one of its name."""
    parts = [str(part) for part in location]
    if now := FORMER.get(".".join(parts[-2:])):
        return f"it is now called {'.'.join([*parts[:-1], now])}"
    group: Any = Params
    for part in location[:-1]:
        group = group.__pydantic_fields__[part].annotation
    beside = list(group.__pydantic_fields__)
    similar = [".".join([*parts[:-1], key]) for key in get_close_matches(parts[-1], beside, n=1)]
    if found := similar or [key for key in _keys(Params) if key.rpartition(".")[2] == parts[-1]]:
        return f"did you mean {' or '.join(found)}?"
    return f"allowed beside it: {', '.join(beside)}"


def _keys(group: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of all groups and keys."""
    for name, field in group.__pydantic_fields__.items():
        yield prefix + name
        if hasattr(field.annotation, "__pydantic_fields__"):
            yield from _keys(field.annotation, f"{prefix}{name}.")
