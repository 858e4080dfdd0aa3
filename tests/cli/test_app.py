"""Which faces `difftalker app` offers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from difftalker.cli.app import faces_to_offer
from difftalker.errors import UserError
from tests.dub.tiny_face import tiny_face


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for place, name in (("a", "Anna"), ("b", "Ben"), ("c", "Anna")):
        tiny_face(folder / place, name)
    (folder / "notes").mkdir()
    return folder


def test_a_folder_of_faces(faces: Path) -> None:
    found = faces_to_offer([faces])
    assert list(found) == ["Anna", "Ben", f"Anna ({faces / 'c'})"]
    assert found["Ben"]().description.name == "Ben"


def test_single_faces(faces: Path) -> None:
    assert list(faces_to_offer([faces / "b", faces / "a"])) == ["Ben", "Anna"]


@pytest.mark.parametrize("name", ["notes", "nothing"])
def test_a_folder_without_a_face_is_named(faces: Path, name: str) -> None:
    with pytest.raises(UserError, match=str(faces / name)):
        faces_to_offer([faces / name])


def test_a_broken_face_is_named_at_once(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/face.json").write_text(json.dumps({"format": 99, "version": "9"}))
    with pytest.raises(UserError, match="newer version"):
        faces_to_offer([tmp_path])
