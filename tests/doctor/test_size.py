"""The choice of `video.size`, and the face's width from a sample of the pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from difftalker.config import Params, load_params
from difftalker.doctor.measure import typical_face
from difftalker.doctor.size import allowed_sizes, choose_size, sharpness_lost
from difftalker.media.probe import validate_video
from tests.footage import empty_room, noise, portrait, write_footage

DEMO = replace(load_params(Path(__file__).parents[2] / "params.yaml"), device="cpu")


def with_channels(*channels: int) -> Params:
    prior = replace(DEMO.prior, unet=replace(DEMO.prior.unet, channels=list(channels)))
    return replace(DEMO, prior=prior, video=replace(DEMO.video, size=512))


@pytest.mark.parametrize(
    ("face", "device", "size", "whole"),
    [
        (60.0, "cpu", 96, 96),
        (102.0, "cpu", 128, 128),
        (110.0, "cpu", 160, 160),
        (200.0, "cpu", 192, 256),
        (200.0, "cuda", 256, 256),
        (300.0, "cuda", 256, 384),
        (900.0, "cuda", 256, 512),
    ],
)
def test_choice(face: float, device: str, size: int, whole: int) -> None:
    choice = choose_size(face, replace(DEMO, device=device))
    assert (choice.size, choice.whole, choice.needed) == (size, whole, 1.25 * face)


def test_sizes_are_those_that_the_networks_accept() -> None:
    assert allowed_sizes(with_channels(64, 96, 128, 160)) == [128, 192, 256, 320, 384, 448, 512]  # of 8 * 2^3
    for size in allowed_sizes(DEMO):
        replace(DEMO, video=replace(DEMO.video, size=size))  # the check of the parameters accepts it
    assert choose_size(102.0, with_channels(*[64] * 6)).size == 256  # of 8 * 2^5: more than a CPU should


def test_lost_sharpness() -> None:
    assert sharpness_lost(1.0) == 0.0 and sharpness_lost(0.0) == 1.0
    assert sharpness_lost(0.65) == pytest.approx(1 - (0.72 + 0.84) / 2)


def test_typical_face_is_the_median_over_the_recording(tmp_path: Path) -> None:
    """Two files of one width, a third where the face is half as wide."""
    wide, small = portrait(), np.pad(portrait()[::2, ::2], ((70, 70), (70, 70), (0, 0)), mode="edge")
    films = [
        write_footage(tmp_path / f"{i}.mp4", [p] * 25, sound=noise(1.0)) for i, p in enumerate((wide, wide, small))
    ]
    infos = [validate_video(film) for film in films]
    whole = typical_face(infos[:1])
    assert whole is not None and 90 < whole < 115
    assert typical_face(infos) == pytest.approx(whole, rel=0.01)
    assert typical_face(infos[2:]) == pytest.approx(whole / 2, rel=0.1)


def test_too_few_faces_are_none(tmp_path: Path) -> None:
    film = write_footage(tmp_path / "a.mp4", [empty_room()] * 25, sound=noise(1.0))
    assert typical_face([validate_video(film)]) is None
