"""Writes docs/parameters.md from the classes of `difftalker.config`: `make parameters`.

A group's docstring gives the section's title (first line) and introduction, a field its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from difftalker.config import Params

PAGE = Path(__file__).with_suffix(".md")

HEAD = """\
# Parameters

<!-- Written by `make parameters`. -->

Every key of `params.yaml`. The first stage, `check_params`, checks the whole file before DVC removes any outputs. A
single stage (`dvc repro -s`) checks it when its outputs are gone; the cache has them. A changed key runs only the
stages that read its group (`dvc.yaml`), and what follows.
"""

Schema = dict[str, Any]  # JSON schema of a group or of a value


def document() -> str:
    """The page, as Markdown."""
    whole = TypeAdapter(Params).json_schema()
    groups: dict[str, Schema] = whole["$defs"]
    top = {name: value for name, value in whole["properties"].items() if "$ref" in value}
    parts = [HEAD, section("", whole, groups)]
    parts += [section(name, groups[_class(value)], groups) for name, value in top.items()]
    parts.append(section("train", groups["TrainConfig"], groups))
    return "\n".join(parts)


def section(name: str, group: Schema, groups: dict[str, Schema]) -> str:
    """Title, introduction and keys of a group.

    Args:
        name: the group's key; "" for the keys that are in no group.
        group: its schema.
        groups: the schemas of all groups by the names of their classes.
    """
    title, _, text = group["description"].partition("\n")
    lines = [f"## {title.rstrip('.')}{f': `{name}`' if name else ''}", ""]
    if text.strip():
        lines += [_linked(text.strip()), ""]
    lines += rows(f"{name}." if name else "", group, groups)
    return "\n".join(lines) + "\n"


def rows(prefix: str, group: Schema, groups: dict[str, Schema]) -> Iterator[str]:
    """A line for every key; groups in a group are part of it, but for trainings."""
    for key, value in group["properties"].items():
        if "$ref" not in value:
            default = f"; default `{_yaml(value['default'])}`" if "default" in value else ""
            yield f"- `{prefix}{key}` ({allowed(value)}{default}): {_linked(value['description'])}"
        elif prefix and _class(value) != "TrainConfig":
            yield from rows(f"{prefix}{key}.", groups[_class(value)], groups)


def allowed(value: Schema) -> str:
    """What a key may be, in words."""
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    kind = value["type"]
    if kind == "array":
        return f"list, each {allowed(value['items'])}"
    if kind == "boolean":
        return "`true`, `false`"
    if kind == "string":
        return f"a {value['title']}" if "pattern" in value else "text"
    return _range(value)


def _range(value: Schema) -> str:
    """Bounds of a number; those of integers have no decimal point."""
    low, high = value.get("minimum"), value.get("maximum")
    above, below = value.get("exclusiveMinimum"), value.get("exclusiveMaximum")
    if value["type"] == "integer":
        low, above = (above + 1, None) if above is not None else (low, None)
        high, below = (below - 1, None) if below is not None else (high, None)
    factor = f"multiple of {value['multipleOf']}" if "multipleOf" in value else ""
    start = f"above {above}" if above is not None else f"{low}"
    if high is not None or below is not None:
        return f"{start} to {f'below {below}' if high is None else high}{factor and f', {factor}'}"
    if low is None and above is None:
        return value["type"]
    return factor or (start if low is None else f"from {low}")


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _class(reference: Schema) -> str:
    return reference["$ref"].rpartition("/")[2]


def _linked(text: str) -> str:
    """Pages of docs/ become links."""
    return re.sub(r"docs/([a-z-]+)\.md", r"[\1](\1.md)", text)


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
