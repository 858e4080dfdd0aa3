"""The watermark: small, in the painted part alone, found by its pattern, and not where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from difftalker.dub.settings import DubSettings
from difftalker.provenance.watermark import WATERMARK_AMPLITUDE, add_watermark, watermark_pattern
from difftalker.provenance.watermark_search import DETECTION_SCORE, FaceCrops, pattern_scores, watermark_score
from difftalker.talking_face import TalkingFace
from tests.dub.test_make_film import planes

SIZE, CROP_SCALE, FPS, FRAMES = 128, 1.25, 25.0, 125


def film(amplitude: float, seed: int = 0, shift: tuple[int, int] = (0, 0)) -> FaceCrops:
    """A still face of random texture under noise, marked, then moved a little."""
    draw = np.random.default_rng(seed)
    texture = draw.normal(120, 20, (SIZE, SIZE, 1)).astype(np.float32).repeat(3, axis=2)
    crops = []
    for index in range(FRAMES):
        shown = add_watermark(texture, CROP_SCALE, index / FPS, amplitude) + draw.normal(0, 2, (SIZE, SIZE, 1))
        crops.append(np.roll(np.rint(shown[..., 0]).clip(0, 255).astype(np.uint8), shift, (0, 1)))
    weight = np.zeros((SIZE, SIZE), np.float32)
    weight[64:120, 24:104] = 1
    return FaceCrops(np.stack(crops), weight, FPS)


def test_pattern_is_the_same_face_widths_at_every_size() -> None:
    small, large = watermark_pattern(64, CROP_SCALE), watermark_pattern(192, CROP_SCALE)
    assert np.corrcoef(small.ravel(), large[1::3, 1::3].ravel())[0, 1] > 0.9
    own, other = watermark_pattern(SIZE, CROP_SCALE), watermark_pattern(SIZE, CROP_SCALE, 1)
    assert 0.8 < own.std() < 1.1
    assert abs(np.corrcoef(own.ravel(), other.ravel())[0, 1]) < 0.3


def test_no_pixel_changes_by_more_than_a_bound() -> None:
    crop = np.full((SIZE, SIZE, 3), 100, np.float32)
    changes = np.stack([add_watermark(crop, CROP_SCALE, index / FPS) - crop for index in range(40)])
    assert np.abs(changes).max() < 1.5 * WATERMARK_AMPLITUDE
    assert 0.7 * WATERMARK_AMPLITUDE < np.sqrt((changes**2).mean()) < 1.1 * WATERMARK_AMPLITUDE
    assert abs(changes.mean(axis=0)).max() < 0.1, "over time nothing is left of it"


@pytest.mark.parametrize("shift", [(0, 0), (3, -2)])
def test_it_is_found_with_its_pattern_alone(shift: tuple[int, int]) -> None:
    found = pattern_scores(film(WATERMARK_AMPLITUDE, shift=shift))
    assert found[0] > 2 * DETECTION_SCORE and np.abs(found[1:]).max() < DETECTION_SCORE


def test_nothing_is_found_where_nothing_is() -> None:
    assert all(pattern_scores(film(0.0, seed)).max() < DETECTION_SCORE for seed in range(3))


def test_a_film_is_marked_where_it_is_painted_and_nowhere_else(
    face: TalkingFace, speech: Callable[..., Path], tmp_path: Path
) -> None:
    marked, plain = tmp_path / "marked.mkv", tmp_path / "plain.mkv"
    face.dub(speech(2.4), marked, settings=DubSettings("lossless", watermark=True))
    face.dub(speech(2.4), plain, settings=DubSettings("lossless", watermark=False))
    source = face.footage
    assert source is not None
    for one, other, base in zip(planes(marked), planes(plain), planes(source), strict=False):
        changed = one[0].astype(int) - other[0].astype(int)
        assert np.abs(changed).max() <= 1.5 * WATERMARK_AMPLITUDE + 1
        assert not changed[: len(changed) // 3].any(), "the upper face is the source's"
        assert base[0].shape == one[0].shape
    with_it, without = watermark_score(marked), watermark_score(plain)
    assert with_it is not None and without is not None and with_it > DETECTION_SCORE > without


def test_too_short_a_film_cannot_be_judged(face: TalkingFace, speech: Callable[..., Path], tmp_path: Path) -> None:
    face.dub(speech(0.8), tmp_path / "short.mkv", settings=DubSettings("lossless", watermark=True))
    assert watermark_score(tmp_path / "short.mkv") is None
