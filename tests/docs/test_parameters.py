"""docs/parameters.md is what `make parameters` writes, and holds every key once."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter

from difftalker.config import Params, TrainConfig
from docs.parameters import PAGE, allowed, document


def keys(group: Any, prefix: str = "") -> set[str]:
    """Dotted names of all keys; those of any training are called train.<key>."""
    found: set[str] = set()
    for field in fields(group):
        kind = group.__pydantic_fields__[field.name].annotation
        if kind is TrainConfig:
            found |= keys(TrainConfig, "train.")
        elif is_dataclass(kind):
            found |= keys(kind, f"{prefix}{field.name}.")
        else:
            found.add(prefix + field.name)
    return found


def test_the_page_is_that_of_the_classes() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run `make parameters`"


def test_the_page_names_every_key_once() -> None:
    rows = re.findall(r"^- `([a-z0-9_.]+)` \(", document(), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == keys(Params)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Literal["a", "b"], "`a`, `b`"),
        (bool, "`true`, `false`"),
        (int, "integer"),
        (Annotated[int, Field(gt=0)], "from 1"),
        (Annotated[int, Field(ge=0, lt=8)], "0 to 7"),
        (Annotated[int, Field(gt=0, multiple_of=4)], "multiple of 4"),
        (Annotated[int, Field(ge=32, le=64, multiple_of=16)], "32 to 64, multiple of 16"),
        (Annotated[float, Field(ge=0.0)], "from 0.0"),
        (Annotated[float, Field(gt=0.0)], "above 0.0"),
        (Annotated[float, Field(gt=0.0, lt=1.0)], "above 0.0 to below 1.0"),
        (Annotated[float, Field(ge=0.5, le=1.0)], "0.5 to 1.0"),
        (Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)], "list, each from 1"),
        (Annotated[str, Field(min_length=1)], "text"),
        (Annotated[str, Field(pattern="^a$", title="hash")], "a hash"),
    ],
)
def test_what_is_allowed_in_words(kind: Any, words: str) -> None:
    assert allowed(TypeAdapter(kind).json_schema()) == words
