"""Lists of films: both forms say the same, and every mistake is one line that names the item."""

from __future__ import annotations

from pathlib import Path

import pytest

from difftalker.dub.film_list import FilmItem, read_items
from difftalker.errors import UserError

YAML = """
- a.wav
- audio: sounds/b.wav
  video: base.mp4
  face: faces/anna
  output: films/other.mov
"""
CSV = "audio,video,face,output\na.wav,,,\nsounds/b.wav,base.mp4,faces/anna,films/other.mov\n"


@pytest.mark.parametrize(("name", "text"), [("list.yaml", YAML), ("list.csv", CSV), ("list.csv", "\ufeff" + CSV)])
def test_both_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_items(tmp_path / name, tmp_path / "out") == [
        FilmItem(tmp_path / "a.wav", tmp_path / "out/a.mp4"),
        FilmItem(
            tmp_path / "sounds/b.wav",
            tmp_path / "out/films/other.mov",
            video=tmp_path / "base.mp4",
            face=tmp_path / "faces/anna",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("list.txt", "a.wav", "use .yaml or .csv"),
        ("list.yaml", "", "holds no list"),
        ("list.yaml", "a.wav", "holds no list"),
        ("list.yaml", "- a.wav\n- [b]", "item 2: is ['b']"),
        ("list.yaml", "- {video: a.mp4}", "item 1: audio must be"),
        ("list.yaml", "- {audio: 3}", "item 1: audio must be"),
        ("list.yaml", "- {audio: a.wav, sound: b.wav}", "unknown key 'sound'"),
        ("list.yaml", "- a: [", "cannot be read"),
        ("list.yaml", "- one/a.wav\n- two/a.wav", "items 1 and 2 would both be a.mp4"),
        ("list.csv", "audio,film\na.wav,b.mp4\n", "unknown key 'film'"),
        ("list.csv", "audio\n", "holds no list"),
    ],
)
def test_mistakes(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as caught:
        read_items(tmp_path / name, tmp_path)
    assert said in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


def test_missing_list(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_items(tmp_path / "list.yaml", tmp_path)
