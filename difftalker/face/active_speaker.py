"""Which of several faces speaks: the one whose lips move with the sound.

A mouth opens when the sound swells and moves while there is sound. Two correlations say how far that is so: of the
opening's changes with the level's, and of the amount of movement with the level. Their sum was right for 54 of 60 pairs
of speakers saying sentences of the same rhythm for three seconds, and for 59 of 60 within twelve.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from difftalker.face.tracking import FaceTrack, join_speaker, largest_track
from difftalker.intervals import true_intervals

_UPPER, _LOWER = [61, 62, 63], [67, 66, 65]  # inner lips
_LONG = 2.0  # seconds that faces must be seen for, and beside each other, for their lips to be compared
_LEAD = 0.15  # of the best over the next, from which it is taken for the speaker
_PLAUSIBLE = 0.3  # least sum of the correlations of a speaker
_LAG = 0.08  # seconds by which sound and picture may be apart
_FINE, _COARSE, _SLOW = 0.04, 0.12, 0.5  # seconds; standard deviations of filters
_RANGE = 40.0  # dB below the loudest that count
_TURN = 1.0  # seconds of the window in which it is judged who speaks
_AT_REST, _SPEAKING = 0.35, 0.5  # movement over the speaker's usual: of a mouth at rest, and of another that speaks


def picture_power(samples: np.ndarray, count: int, fps: float) -> np.ndarray:
    """Mean power of the sound during every picture: (k,) int16, 16 kHz -> (count,) float64; zero beyond its end."""
    edges = np.round(np.arange(count + 1) / fps * 16_000).astype(int).clip(max=len(samples))
    total = np.concatenate([[0.0], np.cumsum(np.square(samples.astype(np.float64)))])
    return np.diff(total[edges]) / np.maximum(np.diff(edges), 1)


def who_speaks(tracks: Sequence[FaceTrack], power: np.ndarray, fps: float) -> int | None:
    """The track whose lips move with the sound.

    Args:
        tracks: the faces of a clip.
        power: of the sound during every picture (n,).
        fps: pictures per second.

    Returns:
        Its number; None where no two faces are seen beside each other for long, or the sound tells no clear difference.
    """
    long = round(_LONG * fps)
    beside = {
        index
        for pair in combinations(range(len(tracks)), 2)
        if len(tracks[pair[0]].keys() & tracks[pair[1]].keys()) >= long
        for index in pair
    }
    scores = sorted(((agreement(tracks[index], power, fps), index) for index in beside), reverse=True)
    if not scores or scores[0][0] < max(_PLAUSIBLE, scores[1][0] + _LEAD):
        return None
    return scores[0][1]


def find_speaker(tracks: Sequence[FaceTrack], power: np.ndarray, fps: float) -> tuple[FaceTrack, bool]:
    """The speaker's faces, and whether the sound told: else they are the largest."""
    speaking = who_speaks(tracks, power, fps)
    if speaking is None:
        return largest_track(tracks), False
    return join_speaker(tracks[speaking], tracks), True


def agreement(track: FaceTrack, power: np.ndarray, fps: float) -> float:
    """How far a mouth moves with the sound: -2 to 2, see above. The better of a few lags counts."""
    opening, seen = _opening(track, len(power))
    level = _level(power)
    changes = _swings(opening, fps)[seen]
    movement = _movement(opening, fps)[seen]
    best = -2.0
    for lag in range(-round(_LAG * fps), round(_LAG * fps) + 1):
        late = np.roll(level, lag)
        swings, smooth = _swings(late, fps)[seen], gaussian_filter1d(late, _COARSE * fps)[seen]
        best = max(best, _correlation(changes, swings) + _correlation(movement, smooth))
    return best


def others_speak(chosen: FaceTrack, tracks: Sequence[FaceTrack], power: np.ndarray, fps: float) -> np.ndarray:
    """Where the sound is somebody else's: the chosen mouth rests while another that is seen moves.

    Args:
        chosen: the speaker's faces.
        tracks: all faces of the clip.
        power: of the sound during every picture (n,).
        fps: pictures per second.

    Returns:
        (n,) bool.
    """
    own, seen = _pace(chosen, len(power), fps)
    usual = max(float(np.quantile(own[seen], 0.9)), 1e-6)
    foreign = np.zeros(len(power), bool)
    for track in tracks:
        index, face = next(iter(track.items()))
        if chosen.get(index) is not face:
            pace, there = _pace(track, len(power), fps)
            foreign |= there & (pace > _SPEAKING * usual)
    loud = uniform_filter1d(_level(power), round(_TURN * fps)) > -_RANGE / 2
    result = np.zeros(len(power), bool)
    for start, end in true_intervals(seen & foreign & loud & (own < _AT_REST * usual)):
        result[start:end] = end - start >= _TURN * fps
    return result


def _opening(track: FaceTrack, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gap of the inner lips over the face's width in every picture, interpolated where unseen, and where it is seen."""
    known = np.array(sorted(track))
    points = np.stack([track[index].points for index in known.tolist()])
    width = np.median(np.linalg.norm(points[:, 16] - points[:, 0], axis=1))
    gap = np.linalg.norm(points[:, _UPPER] - points[:, _LOWER], axis=2).mean(axis=1) / max(float(width), 1e-6)
    seen = np.zeros(count, bool)
    seen[known] = True
    return np.interp(np.arange(count), known, gap), seen


def _level(power: np.ndarray) -> np.ndarray:
    """dB below the loudest speech."""
    loudest = max(float(np.quantile(power, 0.95)), 1e-9)
    return np.asarray(10 * np.log10(np.clip(power / loudest, 10 ** (-_RANGE / 10), None)))


def _swings(values: np.ndarray, fps: float) -> np.ndarray:
    fine = gaussian_filter1d(values, _FINE * fps)
    return np.asarray(fine - gaussian_filter1d(fine, _SLOW * fps))


def _movement(opening: np.ndarray, fps: float) -> np.ndarray:
    return np.asarray(gaussian_filter1d(np.abs(np.gradient(opening)), _COARSE * fps))


def _pace(track: FaceTrack, count: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean movement of the lips around every picture, and where they are seen."""
    opening, seen = _opening(track, count)
    return np.asarray(uniform_filter1d(np.abs(np.gradient(opening)), round(_TURN * fps))), seen


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else 0.0
