"""Whether a film's face carries the mark of `watermark`, whatever was done to the file since.

The face is found as anywhere here, and its crops are laid as the painter's are. What swings with the mark's period is
taken out of them, divided by how much swings with periods beside it, and compared with the mark's pattern and with
others, in all small shifts and sizes. The score is how far the mark's pattern stands above the others, in standard
deviations of theirs: it needs no original, and a film decides for itself what is usual in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from difftalker.face.crop import crop_geometry, face_width
from difftalker.face.tracking import SpeakerTrack, largest_track, track_faces
from difftalker.media.decode import decode_frames
from difftalker.media.probe import probe
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.provenance.watermark import SWING_PERIOD, watermark_pattern

DETECTION_SCORE = 6.0  # score from which the mark is there

_SIZE, _CROP_SCALE = 128, 1.25  # of the crops that are looked at, pixels and face widths
_SMOOTHING = 0.4  # seconds
_MOST = 500  # pictures that are looked at
_LEAST = 2.0  # seconds below which no score can be told
_OTHERS = 120  # patterns to compare with
_SHIFT = 4  # pixels in every direction
_SIZES = (0.97, 1.0, 1.03)
_BESIDE = (-3, -2, 2, 3, 4)  # neighbouring frequencies, over the film's length
_COARSE, _NEAR = 5.0, 3.0  # pixels: what is smoother is light; over which the noise is measured
_FLOOR = 0.3  # of the median noise


@dataclass(frozen=True)
class FaceCrops:
    """The face in a film.

    Attributes:
        crops: (n, size, size) uint8 brightness.
        weight: where a painter paints, (size, size) float32.
        fps: pictures per second.
    """

    crops: np.ndarray
    weight: np.ndarray
    fps: float


def watermark_score(path: Path) -> float | None:
    """How clearly a film carries the mark; `DETECTION_SCORE` or more says that it does. None where that cannot be told.

    Raises:
        UserError: the file cannot be read.
    """
    film = read_face_crops(path)
    return pattern_scores(film)[0] if film is not None else None


def read_face_crops(path: Path) -> FaceCrops | None:
    """The crops of the largest face; None where there is no face, or too little of it.

    Raises:
        UserError: the file cannot be read.
    """
    fps = probe(path).fps
    faces = next(track_faces([islice(decode_frames(path, fps), _MOST)]), None)
    if faces is None or not faces.tracks or faces.count < _LEAST * fps:
        return None
    track = faces.track(largest_track(faces.tracks))
    return cut_face_crops(islice(decode_frames(path, fps), _MOST), track, fps)


def cut_face_crops(pictures: Iterator[np.ndarray], track: SpeakerTrack, fps: float) -> FaceCrops | None:
    """Cut the crops of a face.

    Args:
        pictures: (h, w, 3) uint8 RGB.
        track: the face.
        fps: pictures per second.
    """
    if track.found.sum() < _LEAST * fps:
        return None
    face = float(np.median(face_width(track.points[track.found])))
    geometry = crop_geometry(track, face, _SIZE, _CROP_SCALE, _SMOOTHING, fps)
    crops = [_brightness(picture, row) for picture, row in zip(pictures, geometry.transforms, strict=False)]
    scale, shift = geometry.transforms[:, 0, None, None], geometry.transforms[:, None, [2, 5]]
    points = (track.points * scale + shift)[track.found][:: round(fps)] / _SIZE
    weight = jaw_mask(points.astype(np.float32), _SIZE).mean(axis=0)
    return FaceCrops(np.stack(crops), weight, fps)


def pattern_scores(film: FaceCrops) -> np.ndarray:
    """The score of the mark's pattern, then those of the others each against the rest, (1 + others,) float64."""
    swinging = _swinging(film)
    matches = np.array([_match(swinging, film.weight, seed) for seed in range(_OTHERS + 1)])
    found = []
    for index, match in enumerate(matches):
        rest = np.delete(matches[1:], index - 1) if index else matches[1:]
        found.append((match - rest.mean()) / rest.std())
    return np.array(found)


def _brightness(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    matrix = transform.reshape(2, 3)
    reduced = cv2.INTER_AREA if matrix[0, 0] < 0.5 else cv2.INTER_CUBIC
    return cv2.warpAffine(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), matrix, (_SIZE, _SIZE), flags=reduced)


def _swinging(film: FaceCrops) -> np.ndarray:
    """What swings with the mark's period, over what swings beside it: (size, size) complex64."""
    count = len(film.crops)
    window = np.hanning(count + 2)[1:-1]
    offsets = np.array([0, *_BESIDE]) / count
    turns = np.outer(1 / (SWING_PERIOD * film.fps) + offsets, np.arange(count))
    waves = (window * np.exp(-2j * np.pi * turns)).astype(np.complex64)
    still = film.crops.mean(axis=0, dtype=np.float32)
    amplitudes = np.zeros((len(offsets), _SIZE, _SIZE), np.complex64)
    for wave, crop in zip(waves.T, film.crops, strict=True):
        amplitudes += wave[:, None, None] * (crop - still)
    fine = np.stack([_fine(amplitude) for amplitude in amplitudes])
    noise = np.sqrt(gaussian_filter((np.abs(fine[1:]) ** 2).mean(axis=0), _NEAR))
    noise += _FLOOR * np.median(noise[film.weight > 0.5]) + np.float32(1e-6)
    return np.asarray(fine[0] / noise * film.weight)


def _fine(amplitude: np.ndarray) -> np.ndarray:
    return amplitude - (gaussian_filter(amplitude.real, _COARSE) + 1j * gaussian_filter(amplitude.imag, _COARSE))


def _match(swinging: np.ndarray, weight: np.ndarray, seed: int) -> float:
    """The best correlation with a pattern over all shifts and sizes."""
    spectrum = np.fft.fft2(swinging)
    best = 0.0
    for size in _SIZES:
        shape = np.conj(np.fft.fft2(_pattern(seed, size) * weight))
        values = np.abs(np.fft.ifft2(spectrum * shape))
        rows = np.concatenate([values[-_SHIFT:], values[: _SHIFT + 1]])
        best = max(best, float(np.concatenate([rows[:, -_SHIFT:], rows[:, : _SHIFT + 1]], axis=1).max()))
    return best


@lru_cache(maxsize=(_OTHERS + 1) * len(_SIZES))
def _pattern(seed: int, size: float) -> np.ndarray:
    return watermark_pattern(_SIZE, _CROP_SCALE * size, seed)
