"""Faces without quick motion: what their upper points tell of the head, without what they tell of the speech.

Upper points move a little with the mouth below them: cheeks do, and detectors place all points of a face at once. On
footage of other speech than the wanted one they tell of the wrong words. A face is driven from calm points for that
reason, and landmark completion sees faces that rest in a part of its training, so that it draws on the sound then.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from difftalker.completion.head_frame import HeadFrame

CALM = 3.0  # standard deviation of the smoothing, in seconds: the head turns more slowly than that, speech does not


def calm(landmarks: np.ndarray, shape: np.ndarray, width: float) -> np.ndarray:
    """Smooth faces over time, every one in the frame of its own head.

    Args:
        landmarks: successive pictures, (n, 68, 2), over the crop size.
        shape: the landmark network's mean shape (68, 2).
        width: standard deviation of the Gaussian over time, in pictures.

    Returns:
        (n, 68, 2) float32: every head in its own place and size.
    """
    frame = HeadFrame(landmarks, shape)
    slow = gaussian_filter1d(frame.normalise(landmarks), width, axis=0, mode="nearest")
    return frame.restore(slow)


def still(landmarks: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """The mean face in the place of every head: `calm` without end.

    Args:
        landmarks, shape: as in `calm`.

    Returns:
        (n, 68, 2) float32.
    """
    frame = HeadFrame(landmarks, shape)
    mean = frame.normalise(landmarks).mean(axis=0, keepdims=True)
    return frame.restore(mean)
