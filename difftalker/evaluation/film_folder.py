"""The folder of films that a face is measured by: what the stage `make_films` writes and `evaluate` reads.

    films.json                  what every film is made of
    sources/<name>.mkv          pictures as they are, cut to the surroundings of the face
    <kind>/<name>.mkv           the films, of the same size, with their sound

All are lossless (FFV1, in the footage's own pixel format), so that no codec decides a figure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from difftalker.errors import UserError
from difftalker.evaluation.film_plan import PlannedFilm

_INDEX = "films.json"


@dataclass(frozen=True)
class FilmRecord:
    """A film that was made.

    Attributes:
        planned: what it was made of.
        corner: column and row of the footage's pictures at which its own begin.
        unpainted: (first, last) frames, end excluded, of the stretches that show the source unchanged.
    """

    planned: PlannedFilm
    corner: tuple[int, int]
    unpainted: tuple[tuple[int, int], ...]

    @property
    def painted(self) -> np.ndarray:
        """The frames that are painted, (frames,) bool."""
        shown = np.ones(self.planned.frames, bool)
        for first, last in self.unpainted:
            shown[first:last] = False
        return shown


def film_path(folder: Path, planned: PlannedFilm) -> Path:
    """Where the film lies."""
    return folder / planned.kind / f"{planned.name}.mkv"


def source_film_path(folder: Path, planned: PlannedFilm) -> Path:
    """Where the film of its pictures as they are lies."""
    return folder / "sources" / f"{planned.source}.mkv"


def write_records(folder: Path, records: Sequence[FilmRecord]) -> None:
    """Write `films.json`."""
    text = json.dumps([asdict(record) for record in records], indent=1, sort_keys=True)
    (folder / _INDEX).write_text(text + "\n", encoding="utf-8")


def read_records(folder: Path) -> list[FilmRecord]:
    """Read `films.json`.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        entries: list[dict[str, Any]] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        return [
            FilmRecord(
                PlannedFilm(**entry["planned"]),
                (entry["corner"][0], entry["corner"][1]),
                tuple((first, last) for first, last in entry["unpainted"]),
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise UserError(f"{folder / _INDEX}: missing or not readable; run `dvc repro make_films`") from None
