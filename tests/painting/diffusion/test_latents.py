from pathlib import Path

import numpy as np
import pytest

from difftalker.errors import UserError
from difftalker.painting.diffusion.latents import read_latents, write_latents
from difftalker.painting.diffusion.upper_face import upper_face
from tests.painting.small_prior import SIZE, small_prior


def test_latents_are_those_of_single_frames(tmp_path: Path) -> None:
    prior = small_prior()
    frames = np.random.default_rng(0).integers(0, 256, (19, SIZE, SIZE, 3), dtype=np.uint8)
    write_latents(prior, iter(frames), len(frames), tmp_path)
    full, upper = read_latents(tmp_path)
    assert full.shape == upper.shape == (19, 4, SIZE // 8, SIZE // 8) and full.dtype == np.float16
    assert np.allclose(full[17], prior.encode(frames[17:18])[0], atol=2e-3)
    assert np.allclose(upper[17], prior.encode(upper_face(frames[17:18]))[0], atol=2e-3)


def test_the_upper_latents_do_not_know_the_lower_half(tmp_path: Path) -> None:
    prior = small_prior()
    frames = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    frames[1, : SIZE // 2] = frames[0, : SIZE // 2]
    write_latents(prior, frames, 2, tmp_path)
    full, upper = read_latents(tmp_path)
    assert np.array_equal(upper[0], upper[1])
    assert not np.array_equal(full[0], full[1])


def test_missing_latents_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro encode_latents"):
        read_latents(tmp_path)
