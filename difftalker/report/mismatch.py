"""The paper's mismatch test over the whole test split: does the mouth follow the sound, or the upper face?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.metrics.mouth_opening import mouth_opening

CompleteLandmarks = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # landmarks (n, 68, 2), features (n, 16, 29) -> (n, 68, 2)

FOLLOWS = (
    2 / 3
)  # share of the way to the other frame's opening from which on the sound decides; below 1/3 the face does
_LEAST_CHANGE = 0.002  # crop sides; openings that differ by less, root mean square, tell nothing


def sound_share(test: FrameTable, completed: np.ndarray, complete: CompleteLandmarks) -> float | None:
    """How far a foreign sound moves the mouth from its own opening to that of the frame of the sound.

    Every test frame is given the sound of the one half the split later. The share is the slope, through zero and by
    least squares, of (opening with the foreign sound - own opening) over (opening of the sound's frame - own opening),
    all of completed landmarks.

    Args:
        test: the test split, n frames.
        completed: (n, 68, 2) its completed landmarks.
        complete: the landmark completion.

    Returns:
        1 where the sound alone decides, 0 where the upper face alone does; None where the openings hardly differ.
    """
    other = np.roll(np.arange(len(completed)), -(len(completed) // 2))
    own = mouth_opening(completed)
    way = own[other] - own
    if np.sqrt(np.mean(way**2)) < _LEAST_CHANGE:
        return None
    went = mouth_opening(complete(test.landmarks, test.features[other])) - own
    return float(went @ way / (way @ way))


def mismatch_verdict(share: float | None) -> dict[str, str]:
    """The share in words: `grade` (good, fair, poor or plain), `verdict` and `text`."""
    if share is None:
        text = "The mouths of the test frames are nearly the same, so that this test tells nothing."
        return {"grade": "plain", "verdict": "Cannot tell", "text": text}
    way = f"{100 * share:.0f}\u00a0% of the way from its own opening to that of the sound’s frame"
    text = f"Over all test frames, the sound of another frame moves the mouth {way.replace('-', '−')}"
    if share >= FOLLOWS:
        return {"grade": "good", "verdict": "The mouth follows the sound", "text": f"{text}."}
    if share > 1 - FOLLOWS:
        return {
            "grade": "fair",
            "verdict": "The mouth follows both",
            "text": f"{text}; the upper face decides the rest.",
        }
    why = "what the mouth does is read off the upper face, and new speech will hardly move it."
    return {"grade": "poor", "verdict": "The mouth follows the upper face", "text": f"{text}: {why}"}
