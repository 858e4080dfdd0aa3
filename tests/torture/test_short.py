"""A film that is killed a few times (`make torture` kills fifty times, and more than films)."""

from __future__ import annotations

from pathlib import Path

from tests.torture.cases import torture


def test_a_killed_film_ends_the_same(tmp_path: Path) -> None:
    assert torture("dub", tmp_path, kills=2, seed=3).kills >= 1
