"""Presets: files that hold only what differs from the demo's params.yaml, which lies beside them as `demo.yaml`."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml.comments import CommentedMap

from difftalker.config import Params, load_params, parse_params, read_yaml
from difftalker.errors import UserError
from difftalker.project import layout_yaml

BASE = "demo.yaml"

_HEAD = re.compile(r"(?:#.*\n)*")
_ABOVE_GROUP = re.compile(r"^((?:#.*\n)+)(\w+:)", re.MULTILINE)


def load_preset(path: Path) -> Params:
    """The parameters of a preset.

    Raises:
        UserError: as `preset_text`.
    """
    return parse_params(yaml.safe_load(preset_text(path)), str(path))


def preset_text(path: Path, recordings: Sequence[str] | None = None) -> str:
    """A preset as a whole params.yaml: the demo's, in its order and layout, with the preset's differences.

    The comment at the head is the preset's, and what it says above a group comes above that group. Comments inside of
    its groups are left out.

    Args:
        path: the preset, in one folder with the demo's; it may be the demo's.
        recordings: take the place of its own; None keeps its own.

    Raises:
        UserError: a file is missing or no YAML, or the result is no valid params.yaml.
    """
    base = path.with_name(BASE)
    load_params(base)
    changes = read_yaml(path) or {}
    if not isinstance(changes, Mapping):
        raise UserError(f"{path}: holds no keys; write those that differ from {base}, as the other presets do")
    whole, text = (file.read_text(encoding="utf-8") for file in (base, path))
    layout, result, own = layout_yaml(), io.StringIO(), text.removeprefix(head(text))
    document = layout.load(whole.removeprefix(head(whole)))
    if path != base:
        _change(document, layout.load(own) or {})
    if recordings is not None:
        document["recordings"][:] = recordings
    layout.dump(document, result)
    body = result.getvalue()
    for comment, group in _ABOVE_GROUP.findall(own) if path != base else ():
        body = re.sub(rf"^{group}", (comment + group).replace("\\", r"\\"), body, flags=re.MULTILINE)
    parse_params(yaml.safe_load(body), str(path))
    return head(text) + body


def head(text: str) -> str:
    """The lines of comment that a file begins with."""
    found = _HEAD.match(text)
    return found[0] if found else ""


def _change(target: CommentedMap, changes: Mapping[str, Any]) -> None:
    """Set values in place, so that comments and layout stay; a new key comes after the one that is before it."""
    place = 0
    for key, value in changes.items():
        if key not in target:
            target.insert(place, key, value)
        elif isinstance(value, Mapping) and isinstance(target[key], Mapping):
            _change(target[key], value)
        elif isinstance(value, list) and isinstance(target[key], list):
            target[key][:] = value
        else:
            target[key] = value
        place = list(target).index(key) + 1
