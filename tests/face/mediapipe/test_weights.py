"""Weights that ship with the package: refused unless they are those of this version."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from conversion.mediapipe import convert
from conversion.tflite import read_tflite_graph
from difftalker.errors import UserError
from difftalker.face.mediapipe.blazeface import ShortRange
from difftalker.face.mediapipe.weights import CONVERTED_NETWORKS, MEDIAPIPE_FOLDER, load_mediapipe_network

NAME = "blazeface_short_range"
CPU = torch.device("cpu")
WHEEL = os.environ.get("MEDIAPIPE_WHEEL", "")  # mediapipe-0.10.21-*.whl


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "cannot be read (No such file or directory)"),
    "altered": (change, "not the weights of this version"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "not the weights of this version"),
    "another": (
        lambda path: shutil.copy(MEDIAPIPE_FOLDER / "blazeface_full_range.safetensors", path),
        "not the weights",
    ),
    "empty": (lambda path: path.write_bytes(b""), "not the weights of this version"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_other_files_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    spoil, said = SPOILED[case]
    path = tmp_path / f"{NAME}.safetensors"
    shutil.copy(MEDIAPIPE_FOLDER / path.name, path)
    load_mediapipe_network(ShortRange(), NAME, CPU, tmp_path)
    spoil(path)
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        load_mediapipe_network(ShortRange(), NAME, CPU, tmp_path)
    message = str(caught.value)
    assert str(path) in message and "install difftalker again" in message and "\n" not in message


def test_weights_are_ready_to_run() -> None:
    network = load_mediapipe_network(ShortRange(), NAME, CPU)
    assert not network.training
    assert all(value.dtype == torch.float32 and not value.requires_grad for value in network.parameters())


def test_origin_and_licence_lie_beside_them() -> None:
    notice = (MEDIAPIPE_FOLDER / "NOTICE").read_text()
    assert "Apache License, Version 2.0" in notice
    for name, source in CONVERTED_NETWORKS.items():
        assert f"{name}.safetensors" in notice and source.member in notice and source.original in notice
        content = (MEDIAPIPE_FOLDER / f"{name}.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == source.converted
        assert source.original.encode() in content[:2000]


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.whl: cannot be read .*give the wheel of mediapipe 0\.10\.21"):
        convert(tmp_path / "no.whl", tmp_path)
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mediapipe/empty", b"")
    with pytest.raises(UserError, match=r"other\.whl: cannot be read"):
        convert(wheel, tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(next(iter(CONVERTED_NETWORKS.values())).member, b"TFL3")
    with pytest.raises(UserError, match=r"face_landmark_with_attention\.tflite is another one"):
        convert(wheel, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_not_a_network() -> None:
    with pytest.raises(ValueError, match="not a TensorFlow Lite file"):
        read_tflite_graph(b"PK\x03\x04 something else")


@pytest.mark.skipif(not WHEEL, reason="MEDIAPIPE_WHEEL does not name the wheel of mediapipe 0.10.21")
def test_conversion_gives_the_files_that_are_committed(tmp_path: Path) -> None:
    assert convert(Path(WHEEL), tmp_path) == {name: source.converted for name, source in CONVERTED_NETWORKS.items()}
