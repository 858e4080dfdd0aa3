"""The painted part in the light of its picture: a gain per channel and cheek, measured where both show the same skin.

The cheeks beside nose and mouth are skin that speech hardly moves, in the painted crop as in the source. They are
compared below the split only: rows above it are the source itself. Between the cheeks the gain is interpolated, so that
what the source's mouth does has no influence.
"""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.painting.diffusion.upper_face import generated_weight

GAIN_REACH = 3  # frames on either side over which the measured light is averaged

# A cheek's corners, between a point of the jaw line and one of nose or mouth: (from, to, share of the way).
_CHEEKS = (
    ((2, 31, 0.12), (2, 31, 0.65), (4, 48, 0.55), (4, 48, 0.15)),
    ((14, 35, 0.12), (14, 35, 0.65), (12, 54, 0.55), (12, 54, 0.15)),
)
_DARK = 6  # grey levels up to which a value says little of the light
_FEWEST = 1 / 400  # of the crop's pixels that must be usable in a cheek
_ALIKE = 2.5  # times the median deviation from the common gain: pixels further away do not show the same skin
_LARGEST = np.log(8.0)
_SAME_LIGHT = 0.04  # log gains of successive frames that differ by more are another light, not noise


def measure_gains(source: np.ndarray, painted: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """By how much the source is brighter than the painted crop on either cheek.

    Args:
        source, painted: (size, size, 3) uint8 RGB.
        landmarks: of the painted face, (68, 2) over the crop size.

    Returns:
        (2, 3) float32: natural logarithms of the gains of red, green and blue, left cheek first. Where one cheek is
        out of sight it takes the other's; NaN where both are.
    """
    size = len(source)
    found = np.full((2, 3), np.nan, np.float32)
    for side, corners in enumerate(_CHEEKS):
        quad = _corners(landmarks, corners)
        region: np.ndarray = np.zeros((size, size), np.uint8)
        cv2.fillConvexPoly(region, np.rint((quad * size - 0.5) * 16).astype(np.int32), 1, shift=4)
        region[: size // 2 + 1] = 0
        places = np.flatnonzero(region)
        ours, theirs = (image.reshape(-1, 3)[places].astype(np.float32) for image in (painted, source))
        usable = np.minimum(ours, theirs).min(axis=1) > _DARK
        if usable.sum() >= _FEWEST * size**2:
            found[side] = _common_gain(ours[usable], theirs[usable])
    return np.where(np.isnan(found), found[::-1], found).clip(-_LARGEST, _LARGEST)


def _common_gain(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Logarithm of the gain that leads from (n, 3) colours to others, (3,), whatever a part of them shows."""
    gain = np.median(theirs / ours, axis=0)
    away = np.abs(theirs - gain * ours).max(axis=1)
    alike = away <= _ALIKE * np.median(away) + 1e-3
    return np.log(theirs[alike].sum(axis=0) / ours[alike].sum(axis=0))


def smooth_gains(gains: np.ndarray, at: int) -> np.ndarray:
    """The light of a frame, without the noise of its measurement.

    Args:
        gains: of successive frames, (n, 2, 3), see `measure_gains`; NaN where they are not known.
        at: which of them.

    Returns:
        (2, 3): the mean over the frames in the same light around it. Where its own is not known, the nearest light
        that is counts; zeros where none is known near it.
    """
    first = max(at - GAIN_REACH, 0)
    known = first + np.flatnonzero(~np.isnan(gains[first : at + GAIN_REACH + 1, 0, 0]))
    if not len(known):
        return np.zeros_like(gains[at])
    own = gains[known[np.argmin(np.abs(known - at))]]
    reach = min(GAIN_REACH, at, len(gains) - 1 - at)
    near = gains[at - reach : at + reach + 1]
    same = np.abs(near - own).max(axis=(1, 2)) < _SAME_LIGHT
    both = same & same[::-1]  # symmetric about the frame: a fade is followed without delay
    return np.asarray(near[both].mean(axis=0) if both.any() else own)


def apply_gains(painted: np.ndarray, source: np.ndarray, gains: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Put a painted crop into its picture's light.

    Args:
        painted: what `composite` made of the source and what was generated, (size, size, 3) uint8 RGB.
        source: (size, size, 3) uint8 RGB; above the split it is in its own light.
        gains: (2, 3), see `measure_gains`.
        landmarks: of the painted face, (68, 2) over the crop size.

    Returns:
        (size, size, 3) float32, 0 to 255.
    """
    size, half = len(painted), len(painted) // 2
    left, right = (_corners(landmarks, corners)[:, 0].mean() * size for corners in _CHEEKS)
    across = np.clip((np.arange(size) - left) / max(right - left, 1.0), 0.0, 1.0)[:, None]
    gain = np.exp((1 - across) * gains[0] + across * gains[1]).astype(np.float32)  # (size, 3)
    result = painted * gain
    result[:half] += (1 - generated_weight(size)[:half]) * source[:half] * (1 - gain)
    return result.clip(0.0, 255.0)


def _corners(landmarks: np.ndarray, corners: tuple[tuple[int, int, float], ...]) -> np.ndarray:
    """A cheek's corners, (4, 2) over the crop size."""
    return np.stack([landmarks[a] + share * (landmarks[b] - landmarks[a]) for a, b, share in corners])
