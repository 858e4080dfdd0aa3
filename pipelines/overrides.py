"""Parameters to change, written as for `dvc exp run --set-param`: `face.train.steps=2000`."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from difftalker.config import parse_params
from difftalker.errors import UserError


def overridden(root: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """params.yaml of the workspace with overrides, applied by DVC itself and checked.

    Raises:
        UserError: an override is no `key=value`, or the result is wrong: one line before any work is done.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(root / "params.yaml", folder))
        try:
            apply_overrides(copy, list(overrides))
        except (DvcException, ValueError) as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise UserError(f"overrides {' '.join(overrides)}: {reason}") from None
        data: dict[str, Any] = yaml.safe_load(copy.read_text(encoding="utf-8"))
    parse_params(data, "params.yaml with overrides")
    return data


def combinations(grid: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Every combination of the values of a grid.

    Args:
        grid: parameter -> its values.

    Returns:
        A short name of each combination -> its overrides.

    Raises:
        UserError: a parameter has no values, or two values of one would have the same name.
    """
    found: dict[str, list[str]] = {}
    for key, values in grid.items():
        if not values:
            raise UserError(f"grid: {key} has no values; write {key}=1,2,3")
    for values in itertools.product(*grid.values()):
        pairs = list(zip(grid, values, strict=True))
        name = "-".join(f"{key.rpartition('.')[2]}-{_slug(value)}" for key, value in pairs)
        if name in found:
            raise UserError(f"grid: two combinations are called {name}; leave one out")
        found[name] = [f"{key}={value}" for key, value in pairs]
    return found


def parse_grid(entries: Sequence[str]) -> dict[str, list[Any]]:
    """A grid from texts `KEY=A,B,C`.

    Raises:
        UserError: one is not of this form, or names a key again.
    """
    grid: dict[str, list[Any]] = {}
    for entry in entries:
        key, _, values = entry.partition("=")
        if not key or not values or key in grid:
            raise UserError(f"--grid {entry!r}: write KEY=A,B,C, each key once")
        grid[key] = values.split(",")
    return grid


def _slug(value: Any) -> str:
    return "".join(letter if letter.isalnum() or letter == "." else "_" for letter in str(value)).strip("._")
