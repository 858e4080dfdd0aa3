"""Which moments count as closures, and how wide a gap is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.closure import bilabial_starts, gaps_at, main

ALIGNMENT = "0 10000 sil\n10000 20000 bin\n20000 30000 red\n30000 37500 please\n37500 50000 sp\n"


def test_words_with_b_and_p() -> None:
    assert bilabial_starts(ALIGNMENT) == [0.4, 1.2]


def test_gap_is_the_smallest_about_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "clip.align").write_text(ALIGNMENT)
    opening = np.full(50, 10.0)
    opening[11], opening[20], opening[30] = 1.0, 0.0, np.nan  # the second lies at no beginning
    assert list(gaps_at(tmp_path / "clip.align", opening)) == pytest.approx([0.1, 1.0])


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "face_recognition_models" in capsys.readouterr().out
