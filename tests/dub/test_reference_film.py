"""A film is what it was: the reference is reproduced within rounding, and what is more than rounding is noticed.

Other processors and batches add up in another order. Between AVX-512, AVX2 and neither, and batches of 3 and 5, the
landmarks differ by 1e-7 of the crop, the means by 0.03 grey levels (a pixel that falls on the other side of a half),
and no pixel of the lower face differs. The limits are above that and far below the least change that counts, a pixel.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from difftalker.painting.decoder.network import ReferenceDecoder, load_decoder
from tests.dub.reference_film import Film, load_reference, load_track, make_face, make_film, summarise
from tests.dub.tiny_face import SIZE, Tiny

LANDMARK_LIMIT = 1e-5  # of the crop's side: 0.001 pixels
MEAN_LIMIT = 0.1  # grey levels, of squares of 14 x 14 pixels
PIXEL_LIMIT = 2  # grey levels: a step of rounding in the crop, and another in the film


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_face(tmp_path_factory.mktemp("reference"), *load_track())


@pytest.fixture(scope="module")
def film(drawn: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    return make_film(drawn.load(), tmp_path_factory.mktemp("film"))


def differences(film: Film) -> list[str]:
    """What differs from the reference by more than rounding."""
    reference = load_reference()
    excess = {
        "landmarks": float(np.abs(film.landmarks - reference.landmarks).max()) / LANDMARK_LIMIT,
        "means": float(np.abs(film.means - reference.means).max()) / MEAN_LIMIT,
        "lower face": float(np.abs(film.lower_face.astype(int) - reference.lower_face).max()) / PIXEL_LIMIT,
    }
    return [f"{name}: {share:.1f} times the limit" for name, share in excess.items() if share > 1]


def test_the_film_is_what_it_was(film: tuple[np.ndarray, np.ndarray]) -> None:
    assert differences(summarise(*film)) == []


@pytest.mark.parametrize("axis", [1, 2], ids=["down", "right"])
def test_a_shift_by_a_pixel_is_noticed(film: tuple[np.ndarray, np.ndarray], axis: int) -> None:
    frames, landmarks = film
    assert len(differences(summarise(np.roll(frames, 1, axis), landmarks))) == 2
    assert len(differences(summarise(frames, landmarks + np.float32(1 / SIZE)))) == 1


def test_swapped_reference_frames_are_noticed(drawn: Tiny, tmp_path: Path) -> None:
    shutil.copytree(drawn.folder, tmp_path / "face")
    decoder = load_decoder(tmp_path / "face/decoder")
    assert isinstance(decoder, ReferenceDecoder)
    decoder.reference_images.copy_(decoder.reference_images[[1, 0, 2]].clone())
    decoder.save(tmp_path / "face/decoder")
    swapped = summarise(*make_film(Tiny(tmp_path / "face", drawn.footage, drawn.footage_face).load(), tmp_path))
    assert len(differences(swapped)) == 2, "means and lower face; the landmarks are the same"


def test_swapped_frames_are_noticed(film: tuple[np.ndarray, np.ndarray]) -> None:
    frames, landmarks = film
    order = np.r_[1, 0, 2 : len(frames)]
    assert len(differences(summarise(frames[order], landmarks[order]))) == 2
