"""In which order the pictures of the base footage are shown."""

from __future__ import annotations

import numpy as np

_REACH = 1.0  # seconds at either end within which the film may turn round


def turning_points(places: np.ndarray, fps: float) -> tuple[int, int]:
    """Where to turn round: the pictures near both ends in which the head moves least, so that turning does not show.

    Args:
        places: position of the head in every picture, (n, 2).
        fps: pictures per second.

    Returns:
        First and last picture to show.
    """
    count = len(places)
    reach = min(round(_REACH * fps), count // 4)
    if reach < 1:
        return 0, count - 1
    speed = np.linalg.norm(np.gradient(places, axis=0), axis=1)
    last = count - 1 - int(np.argmin(speed[::-1][: reach + 1]))
    return int(np.argmin(speed[: reach + 1])), last


def picture_order(frames: int, pictures: int, turns: tuple[int, int]) -> np.ndarray:
    """Which picture each output frame shows: successive frames show neighbouring pictures, always.

    Args:
        frames: number of output frames.
        pictures: number of pictures; if there are enough, they are shown as they are.
        turns: see `turning_points`.

    Returns:
        (frames,) int64: forwards to the last turning point, back to the first, and so on.
    """
    if frames <= pictures:
        return np.arange(frames)
    first, last = turns
    if last <= first:
        return np.zeros(frames, np.int64) + first
    phase = (np.arange(frames)) % (2 * (last - first))
    return first + np.where(phase <= last - first, phase, 2 * (last - first) - phase)
