"""Lists of films to render: YAML or CSV, checked as a whole before the first is begun."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from difftalker.config.yaml_text import parse_yaml
from difftalker.errors import UserError

KEYS = ("audio", "video", "face", "output")


@dataclass(frozen=True)
class FilmItem:
    """One film: absolute paths. `video` is the base footage and `face` the model, None for the command's defaults."""

    audio: Path
    output: Path
    video: Path | None = None
    face: Path | None = None


def read_items(path: Path, out: Path) -> list[FilmItem]:
    """Read a list.

    YAML: a list of sounds, or of mappings with `audio` and, if wanted, `video`, `face`, `output`. CSV: the same names
    as columns. Paths are relative to the list; an `output` is relative to `out` and by default the sound's name with
    the suffix .mp4.

    Raises:
        UserError: the file is missing, holds something else, an item lacks its sound, or two have the same output.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a YAML or CSV list of sounds")
    readers = {".csv": _read_csv, ".yaml": _read_yaml, ".yml": _read_yaml}
    if path.suffix.lower() not in readers:
        raise UserError(f"{path}: its suffix tells no kind of list; use .yaml or .csv")
    try:
        entries = readers[path.suffix.lower()](path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise UserError(f"{path}: holds no list of items; see docs/operations.md for its form")
    items = [_item(f"{path}, item {number}", entry, path, out) for number, entry in enumerate(entries, start=1)]
    seen: dict[Path, int] = {}
    for number, item in enumerate(items, start=1):
        other = seen.setdefault(item.output, number)
        if other != number:
            raise UserError(
                f"{path}: items {other} and {number} would both be {item.output.name}; give them an `output`"
            )
    return items


def _item(where: str, entry: Any, path: Path, out: Path) -> FilmItem:
    entry = {"audio": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, Mapping):
        raise UserError(f"{where}: is {entry!r}; write the name of a sound, or a mapping with the key audio")
    unknown = [key for key in entry if key not in KEYS]
    if unknown:
        raise UserError(f"{where}: unknown key {unknown[0]!r}; allowed: {', '.join(KEYS)}")
    given = {key: value for key, value in entry.items() if value not in (None, "")}
    wrong = [key for key, value in given.items() if not isinstance(value, str)]
    if wrong or "audio" not in given:
        raise UserError(f"{where}: {wrong[0] if wrong else 'audio'} must be the name of a file")
    folder = path.parent.resolve()
    output = out.resolve() / given.get("output", f"{Path(given['audio']).stem}.mp4")
    optional = {key: folder / given[key] for key in ("video", "face") if key in given}
    return FilmItem(audio=folder / given["audio"], output=output, **optional)


def _read_yaml(text: str) -> Any:
    return parse_yaml(text)


def _read_csv(text: str) -> list[dict[str, str]]:
    rows = csv.DictReader(text.splitlines(), strict=True)
    return [{str(key).strip(): str(value or "").strip() for key, value in row.items()} for row in rows]
