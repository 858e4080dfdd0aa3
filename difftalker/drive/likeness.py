"""Whether a shot shows the trained speaker: the upper face, reduced to a few pixels without its light.

The logarithm of the brightness makes a change of exposure or gamma a change of level or contrast, and a high-pass
filter takes shading away; both leave the correlation with another picture of the same face as it is. Faces of
different people correlate at about 0.3 (0.73 in one pair of a hundred of those in scikit-image's `lfw_subset`), pictures
of one person at 0.9.
"""

from __future__ import annotations

import cv2
import numpy as np

from difftalker.landmarks.topology import LEFT_EYE, NOSE_BASE, RIGHT_EYE

WIDTH, HEIGHT = 16, 10
SIDE = 64  # pixels; larger crops hold nothing more that counts

_EYES, _NOSE = ((0.27, 0.42), (0.73, 0.42)), (0.5, 0.98)  # where they are laid, over the reduced picture's size
_FINE = 4  # times the resolution at which it is cut out, then averaged
_DARK = 8.0  # grey levels added before the logarithm: noise in the dark counts little
_SMOOTH = 3.5  # pixels, standard deviation of what the high-pass filter takes away
_STRANGE, _BEHIND = 0.72, 0.15  # likeness below which a face is another's; how far it must also lie behind the best


def upper_look(crop: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The upper face without place, size, tilt and light.

    Args:
        crop: (size, size, 3) uint8 RGB.
        landmarks: (68, 2) over the crop size; eyes and nose base are read.

    Returns:
        (HEIGHT * WIDTH,) float32 of mean 0 and norm 1: the product of two is their correlation.
    """
    eyes = [landmarks[group].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE)]
    eyes.sort(key=lambda eye: float(eye[0]))
    fine = np.array([WIDTH, HEIGHT]) * _FINE
    source = np.array([*eyes, landmarks[NOSE_BASE]], np.float32) * len(crop) - 0.5
    target = np.array([*_EYES, _NOSE], np.float32) * fine.astype(np.float32) - 0.5
    matrix = cv2.getAffineTransform(source, target)
    around = cv2.warpAffine(crop, matrix, (int(fine[0]), int(fine[1])), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(around, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    look = np.log(small.mean(axis=2, dtype=np.float32) + _DARK)
    look -= cv2.GaussianBlur(look, (0, 0), _SMOOTH)
    look -= look.mean()
    return (look / max(float(np.linalg.norm(look)), 1e-6)).ravel()
