"""The painted part takes the picture's light, and nothing of what the picture's mouth does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from difftalker.config import SamplingConfig
from difftalker.dub.light import GAIN_REACH, apply_gains, measure_gains, smooth_gains
from difftalker.dub.paint import Painter
from difftalker.dub.settings import DubSettings
from difftalker.face.crop import cut_crop
from difftalker.face.topology import CONTOUR, MOUTH
from difftalker.media.planes import to_frame
from difftalker.painting.diffusion.upper_face import composite
from difftalker.painting.jaw_mask import jaw_mask
from tests.dub.tiny_face import SIZE, Tiny, pictures
from tests.footage import write_footage

Light = Callable[[np.ndarray, int], np.ndarray]  # a picture (h, w, 3) float and its number to another light


@pytest.fixture(scope="module")
def crop(tiny: Tiny) -> np.ndarray:
    return cut_crop(pictures(1)[0], tiny.footage_face.transforms[0], SIZE)


def lit(image: np.ndarray, factor: object) -> np.ndarray:
    return np.rint(image * np.asarray(factor)).clip(0, 255).astype(np.uint8)


def test_gains_are_those_of_the_cheeks(tiny: Tiny, crop: np.ndarray) -> None:
    points = tiny.footage_face.landmarks[0]
    gains = measure_gains(lit(crop, (0.5, 0.6, 0.4)), crop, points)
    np.testing.assert_allclose(np.exp(gains), [[0.5, 0.6, 0.4]] * 2, rtol=0.02)
    assert np.array_equal(measure_gains(crop, crop, points), np.zeros((2, 3)))
    np.testing.assert_allclose(
        apply_gains(crop, lit(crop, 0.5), gains, points)[SIZE // 2 :], crop[SIZE // 2 :] * (0.5, 0.6, 0.4), atol=2.5
    )


def test_rows_above_the_split_keep_the_source_s_light(tiny: Tiny, crop: np.ndarray) -> None:
    """Where source and painted rows are blended, only the painted part is changed."""
    source, gains = lit(crop, 0.5), np.full((2, 3), np.log(0.5), np.float32)
    made = apply_gains(composite(source, crop), source, gains, tiny.footage_face.landmarks[0])
    assert np.abs(made - source).max() <= 1


def test_a_lamp_from_the_side(tiny: Tiny, crop: np.ndarray) -> None:
    points, slope = tiny.footage_face.landmarks[0], np.linspace(0.6, 1.1, SIZE)[:, None]
    source = lit(crop, slope)
    made = apply_gains(crop, source, measure_gains(source, crop, points), points)
    inside = (jaw_mask(points[None], SIZE)[0] > 0.5) & (np.arange(SIZE)[:, None] > SIZE // 2)
    assert np.abs(made - crop * slope)[inside].mean() < 2


def test_rows_above_the_split_do_not_count(tiny: Tiny, crop: np.ndarray) -> None:
    """They are the source itself in the painted crop: a film darkened by half seemed to be in the same light."""
    points, dark = tiny.footage_face.landmarks[0], lit(crop, 0.5)
    painted = np.concatenate([dark[: SIZE // 2], crop[SIZE // 2 :]])
    assert np.array_equal(measure_gains(dark, painted, points), measure_gains(dark, crop, points))


def test_the_source_s_mouth_has_no_influence(tiny: Tiny, crop: np.ndarray) -> None:
    points = tiny.footage_face.landmarks[0]
    spoken = crop.copy()
    region: np.ndarray = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(np.rint(points[[*MOUTH, *CONTOUR[2:7]]] * SIZE).astype(np.int32)), 1)
    region[: SIZE // 2] = 0
    spoken[region > 0] = np.random.default_rng(0).integers(0, 255, (int(region.sum()), 3))
    assert region.sum() > 0.05 * SIZE**2
    dark = lit(crop, 0.7)
    assert np.array_equal(measure_gains(spoken, dark, points), measure_gains(crop, dark, points))


def test_what_hangs_over_a_cheek_is_no_light(tiny: Tiny, crop: np.ndarray) -> None:
    points = tiny.footage_face.landmarks[0]
    source = lit(crop, 0.8)
    column = round(float(points[3, 0] + 0.3 * (points[48, 0] - points[3, 0])) * SIZE)
    source[:, column : column + 2] = 30  # a strand of hair
    np.testing.assert_allclose(np.exp(measure_gains(source, crop, points)), 0.8, rtol=0.05)


def test_a_cheek_out_of_sight_takes_the_other_s_light(tiny: Tiny, crop: np.ndarray) -> None:
    points, source = tiny.footage_face.landmarks[0], lit(crop, 0.8)
    source[:, : SIZE // 2] = 0
    left, right = measure_gains(source, crop, points)
    assert np.array_equal(left, right) and np.exp(right) == pytest.approx(0.8, rel=0.03)
    assert np.isnan(measure_gains(np.zeros_like(crop), crop, points)).all()


def test_noise_is_averaged_and_changes_of_light_are_followed() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.003, (60, 2, 3))
    found = np.array([smooth_gains(noise, i) for i in range(GAIN_REACH, 60 - GAIN_REACH)])
    assert np.diff(found, axis=0).std() < 0.25 * np.diff(noise, axis=0).std()
    fade = np.arange(2 * GAIN_REACH + 1)[:, None, None] * np.full((2, 3), 0.01)
    np.testing.assert_allclose(smooth_gains(fade, GAIN_REACH), fade[GAIN_REACH])
    lamp = np.where(np.arange(2 * GAIN_REACH + 1)[:, None, None] < GAIN_REACH, 0.0, np.full((2, 3), 0.5))
    np.testing.assert_allclose(smooth_gains(lamp, GAIN_REACH), 0.5)
    np.testing.assert_allclose(smooth_gains(lamp, GAIN_REACH - 1), 0.0)
    unknown = lamp.copy()
    unknown[GAIN_REACH] = np.nan
    np.testing.assert_allclose(smooth_gains(unknown, GAIN_REACH), 0.0)
    assert np.array_equal(smooth_gains(np.full((3, 2, 3), np.nan), 1), np.zeros((2, 3)))


@dataclass
class Truth:
    """Paints what the trained footage shows, in the light of that footage; the upper half is the source's."""

    crops: np.ndarray
    config: SamplingConfig = field(default_factory=lambda: SamplingConfig(steps=1, batch_size=8, seed=0))
    seconds: Counter[str] = field(default_factory=Counter)
    done: int = 0

    def paint(self, crops: np.ndarray, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        self.done += len(crops)
        return composite(crops, self.crops[self.done - len(crops) : self.done])


Film = Callable[[Light], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def film(tiny: Tiny, speech: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Makes the pictures of a film in some light, and what they become when the trained truth is painted over them."""
    trained = pictures(24)
    crops = np.stack([cut_crop(picture, tiny.footage_face.transforms[i], SIZE) for i, picture in enumerate(trained)])

    def make(light: Light) -> tuple[np.ndarray, np.ndarray]:
        shown = [lit(light(picture.astype(float), i), 1) for i, picture in enumerate(trained)]
        path = write_footage(tmp_path_factory.mktemp("film") / "base.mkv", shown)
        with tiny.load(path).planned(speech(24 / 25), settings=DubSettings("lossless")) as plan:
            plan = replace(plan, given_landmarks=plan.footage_face.landmarks[:24], opacity=np.ones_like(plan.opacity))
            before = np.stack([picture.rgb for picture in plan.footage.show(plan.picture_order)])
            painter = Painter(plan, Truth(crops))  # type: ignore[arg-type]
            after = [to_frame(picture, even=False).to_ndarray(format="rgb24") for picture in painter.frames(0, 24)]
        return before, np.stack(after)

    return make


@pytest.fixture(scope="module")
def plain(film: Film) -> np.ndarray:
    """Pictures painted over in the trained light, (24, h, w, 3)."""
    before, after = film(lambda image, number: image)
    assert np.abs(before.astype(int) - after).mean() < 1  # the truth, but through small crops
    return after


def half(image: np.ndarray, number: int) -> np.ndarray:
    return 0.5 * image


def tint(image: np.ndarray, number: int) -> np.ndarray:
    return image * (1.1, 0.95, 0.75)


def fade(image: np.ndarray, number: int) -> np.ndarray:
    return image * (1 - 0.02 * number)


def lamp(image: np.ndarray, number: int) -> np.ndarray:
    return image * (0.6 if number < 11 else 1.05)


def darker_mid_tones(image: np.ndarray, number: int) -> np.ndarray:
    return 255 * (image / 255) ** 1.2


@pytest.mark.parametrize(("light", "most"), [(half, 1), (tint, 2), (fade, 1), (lamp, 2), (darker_mid_tones, 5)])
def test_films_in_another_light(tiny: Tiny, film: Film, plain: np.ndarray, light: Light, most: float) -> None:
    _, after = film(light)
    for index in range(24):
        mask = jaw_mask(tiny.footage_face.landmarks[[index]], SIZE)[0]
        matrix = tiny.footage_face.transforms[index].reshape(2, 3)
        inside = cv2.warpAffine(mask, matrix, (280, 280), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) > 0.1
        expected = light(plain[index].astype(float), index)[inside].clip(0, 255)
        assert np.abs(after[index][inside] - expected).mean() < most
        assert np.abs((after[index][inside] - expected).mean(axis=0)).max() < most  # nor another tint


def test_the_source_s_mouth_is_nowhere_in_the_film(tiny: Tiny, speech: Callable[..., Path], tmp_path: Path) -> None:
    """Two films that differ in what the mouth does become one film, but for the mask's border."""
    after = []
    for seed in (None, 0):
        shown = pictures(6)
        for index, picture in enumerate(shown if seed is not None else []):
            matrix = tiny.footage_face.transforms[index].reshape(2, 3)
            points = (tiny.footage_face.landmarks[index] * SIZE - matrix[:, 2]) / matrix[0, 0]
            hull = cv2.convexHull(np.rint(points[[*MOUTH, *CONTOUR[2:7]]]).astype(np.int32))
            region: np.ndarray = np.zeros(picture.shape[:2], np.uint8)
            cv2.fillConvexPoly(region, hull, 1)
            picture[region > 0] = np.random.default_rng(index).integers(40, 220, (int(region.sum()), 1))
        film = write_footage(tmp_path / f"{seed}.mkv", shown)
        face = tiny.load(film)
        face.dub(speech(6 / 25), tmp_path / f"{seed}_out.mkv", settings=DubSettings("lossless"))
        with av.open(str(tmp_path / f"{seed}_out.mkv")) as container:
            after.append(
                np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)
            )
    with tiny.load(film).planned(speech(6 / 25)) as plan:
        masks = jaw_mask(plan.footage_face.landmarks[:6], SIZE, plan.landmarks(0, 6))
    for index, mask in enumerate(masks):
        matrix = tiny.footage_face.transforms[index].reshape(2, 3)
        weight = cv2.warpAffine(mask, matrix, (280, 280), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        painted = weight > 0.999
        assert painted.sum() > 1000
        apart = np.abs(after[0][index] - after[1][index])[painted]  # of a noise of 180 grey levels
        # Rounding from one colour to another; colour planes of half the size carry a little over the mask's border.
        assert apart.mean() < 1 and apart.max() <= 9
