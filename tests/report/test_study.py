"""The tables of a study: what is quoted, what was measured, which parameters differ."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difftalker.errors import UserError
from difftalker.report.study import Variant, combinations, differing_params, study_csv, study_markdown

METRICS = {"lse_d": 0.5444, "lse_c": 0.5120, "ld": 0.001868, "psnr": 33.48, "ssim": 0.9456, "landmark_distance": 0.0022}
OURS = Variant(
    "ours",
    {"seed": 0, "landmarks.audio_fusion": "am"},
    METRICS | {"test_frames": 233, "protocol": {"detector": "mesh, 68 points"}},
)
OTHER = Variant("audio-in-bm", {"seed": 0, "landmarks.audio_fusion": "bm"}, METRICS | {"test_frames": 233, "ld": 0.5})
FAILED = Variant("no-audio", {"seed": 0, "landmarks.audio_fusion": "none"}, None)


def cells(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown() -> None:
    table, landmarks = study_markdown([OURS, OTHER, FAILED]).split("## Landmark completion")
    header = ["", "`landmarks.audio_fusion`", "LSE-D ↓", "LSE-C ↑", "LD ↓", "PSNR ↑", "SSIM ↑"]
    assert cells(table, " ") == header
    # Table 1 of the paper, digit for digit, and marked as what it is.
    assert cells(table, "DiffTalker (Ours²)") == [
        "DiffTalker (Ours²), *quoted*",
        "",
        *["6.82", "9.01", "0.004", "24.31", "0.94"],
    ]
    assert cells(table, "Wav2Lip") == ["Wav2Lip, *quoted*", "", "7.83", "7.81", "–", "–", "–"]
    assert cells(table, "ours") == ["ours", "`am`", "0.544", "0.512", "0.0019", "33.48", "0.9456"]
    assert cells(table, "no-audio") == ["no-audio, **failed**", "`none`", *"–" * 5]
    assert cells(landmarks, "DiffTalker without AM-Trans")[-1] == "0.005"
    assert "Wav2Lip" not in landmarks and cells(landmarks, "audio-in-bm")[-1] == "0.0022"
    assert "233 test frames" in landmarks and "detector: mesh, 68 points" in landmarks and "not comparable" in landmarks


def test_csv_holds_all_digits() -> None:
    rows = list(csv.DictReader(io.StringIO(study_csv([OURS, FAILED]))))
    by_name = {row["name"]: row for row in rows}
    assert by_name["ours"]["ld"] == "0.001868" and by_name["ours"]["source"] == "measured"
    assert by_name["ours"]["landmarks.audio_fusion"] == "am" and "seed" not in rows[0]
    assert by_name["no-audio"]["source"] == "failed" and by_name["no-audio"]["ld"] == ""
    assert {row["source"] for row in rows if "Ours" in row["name"] or row["name"] == "DAE-Talker"} == {"quoted"}


def test_unequal_test_splits_are_told() -> None:
    other = Variant("short", OTHER.params, METRICS | {"test_frames": 100})
    assert "100 or 233 test frames" in study_markdown([OURS, other])
    assert "comparable among themselves" in study_markdown([OURS, other])
    assert "comparable among themselves" not in study_markdown([OURS, OTHER])


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)), min_size=1, max_size=4))
def test_differing_is_what_is_not_the_same_everywhere(params: list[dict[str, int]]) -> None:
    found = set(differing_params([Variant(str(number), values, None) for number, values in enumerate(params)]))
    for key in "abcd":
        assert (key in found) == (len({values.get(key) for values in params}) > 1)


def test_combinations() -> None:
    found = combinations({"face.train.steps": [100, 200], "landmarks.audio_fusion": ["am", "bm", "none"]})
    assert len(found) == 6
    assert found["steps-100-audio_fusion-bm"] == ["face.train.steps=100", "landmarks.audio_fusion=bm"]
    assert len({tuple(overrides) for overrides in found.values()}) == 6
    with pytest.raises(UserError, match=r"face\.train\.steps has no values"):
        combinations({"face.train.steps": []})
    with pytest.raises(UserError, match="called steps-1"):
        combinations({"face.train.steps": [1, 1]})
