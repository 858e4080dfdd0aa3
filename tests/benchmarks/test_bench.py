"""The comparisons with peers run: each row once, on input as small as can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.bench import ROWS, measure, run_here
from tests.dub.tiny_face import pictures, tiny_face

HEAVY = {"repro"}  # runs DVC over a whole project: tests/pipelines


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_face(tmp_path_factory.mktemp("bench") / "face", footage=pictures(30))


@pytest.mark.parametrize("name", sorted(set(ROWS) - HEAVY))
def test_row_runs(name: str, face: Path) -> None:
    """Both sides run and agree, or it says what is lacking; then there is a line with as many cells as the head."""
    line = measure(name, "tiny", face, run_here)
    assert line.startswith("| ") and line.count("|") == 9
    assert ("waiting: " in line) == (name == "deepspeech" and "rows/s" not in line)
