"""Which shots show the trained speaker: by the upper face without its light, and by the shape of the face.

The logarithm of the brightness makes a change of exposure or gamma a change of level or contrast, and a high-pass
filter takes shading away; the correlation with other pictures of the same face stays as it is. Mean descriptors of one
person's shots correlate at 0.96 to 0.99, those of four different people at -0.01 to 0.72. Another's shape is at
0.7 to 3 of the speaker's extreme deviation, the speaker's own at about 0.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from difftalker.face.topology import LEFT_EYE, NOSE_BASE, RIGHT_EYE
from difftalker.face_folder import DESCRIPTOR_SIZE

DESCRIPTOR_WIDTH, DESCRIPTOR_HEIGHT = DESCRIPTOR_SIZE
DESCRIPTOR_CROP = 64  # pixels; larger crops hold nothing more that counts

_EYES, _NOSE = ((0.27, 0.42), (0.73, 0.42)), (0.5, 0.98)  # where they are laid, over the reduced picture's size
_FINE = 4  # times the resolution at which it is cut out, then averaged
_DARK = 8.0  # grey levels added before the logarithm: noise in the dark counts little
_SMOOTH = 5.0  # pixels, standard deviation of what the high-pass filter takes away
_FOREIGN = 0.55  # likeness below which a shot shows another person
_UNLIKE, _DEVIATING = 0.78, 0.65  # or below which it does if also the shape deviates, in shares of the extreme one


def upper_face_descriptor(crop: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The upper face without place, size, tilt and light.

    Args:
        crop: (size, size, 3) uint8 RGB.
        landmarks: (68, 2) over the crop size; eyes and nose base are read.

    Returns:
        (160,) float32 of mean 0 and norm 1: the product of two is their correlation.
    """
    eyes = [landmarks[group].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE)]
    eyes.sort(key=lambda eye: float(eye[0]))
    fine = np.array([DESCRIPTOR_WIDTH, DESCRIPTOR_HEIGHT]) * _FINE
    source = np.array([*eyes, landmarks[NOSE_BASE]], np.float32) * len(crop) - 0.5
    target = np.array([*_EYES, _NOSE], np.float32) * fine.astype(np.float32) - 0.5
    matrix = cv2.getAffineTransform(source, target)
    around = cv2.warpAffine(crop, matrix, (int(fine[0]), int(fine[1])), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(around, (DESCRIPTOR_WIDTH, DESCRIPTOR_HEIGHT), interpolation=cv2.INTER_AREA)
    descriptor = np.log(small.mean(axis=2, dtype=np.float32) + _DARK)
    descriptor -= cv2.GaussianBlur(descriptor, (0, 0), _SMOOTH)
    descriptor -= descriptor.mean()
    return (descriptor / max(float(np.linalg.norm(descriptor)), 1e-6)).ravel()


def mean_descriptor(descriptors: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of some descriptors, again of norm 1; zeros of none."""
    mean = (
        np.sum(descriptors, axis=0, dtype=np.float32)
        if len(descriptors)
        else np.zeros(DESCRIPTOR_WIDTH * DESCRIPTOR_HEIGHT, np.float32)
    )
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), np.float32)


def choose_descriptors(descriptors: np.ndarray, count: int) -> np.ndarray:
    """Descriptors that together stand for all: the one most like the mean, then each time that least like those chosen.

    Args:
        descriptors: (n, 160).
        count: how many.

    Returns:
        (at most count, 160).
    """
    chosen = [int(np.argmax(descriptors @ mean_descriptor(list(descriptors))))]
    nearest = descriptors @ descriptors[chosen[0]]
    while len(chosen) < min(count, len(descriptors)):
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, descriptors @ descriptors[chosen[-1]])
    return descriptors[chosen]


def speaker_shots(descriptors: np.ndarray, deviation: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which shots show the speaker. In doubt they do; and they all do where none does for certain.

    Args:
        descriptors: mean descriptor of each shot, (shots, 160); zeros where there is none.
        deviation: `shape_deviation` of each shot's usual face over the most extreme one of the training, (shots,).
        known: descriptors of the speaker, (k, 160).

    Returns:
        (shots,) bool.
    """
    likeness = (descriptors @ known.T).max(axis=1)
    seen = np.linalg.norm(descriptors, axis=1) > 0
    foreign = seen & ((likeness < _FOREIGN) | ((likeness < _UNLIKE) & (deviation > _DEVIATING)))
    return ~foreign if (seen & ~foreign).any() else np.ones(len(descriptors), bool)
