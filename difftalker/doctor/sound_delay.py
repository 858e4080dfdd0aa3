"""Delay of the sound against the picture, from how well the sound predicts the lips' opening.

For every delay a ridge regression from the frame's speech features to the opening is fitted on five sixths of the
footage and judged on the rest; the delay that predicts best is the estimate. Loudness alone does not do: lips open
before a voice is heard and rest open in pauses. SyncNet (stage `evaluate`) measures the delay better, after training.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

LARGEST_DELAY = 0.6  # seconds searched to either side
_SHORTEST = 15.0  # seconds of footage with a face
_DRIFT = 0.6  # seconds; slower changes are taken out
_FOLDS = 6
_RIDGE = 0.1  # of the features' variance
_CLEAR = 0.3  # correlation of a clear peak
_RISE = 0.12  # and how far it is above the median delay's
_AGREE = 2  # frames within which the peaks must lie when a sixth of the footage is left out


def estimate_delay(signals: Sequence[tuple[np.ndarray, np.ndarray]], fps: float) -> float | None:
    """Seconds by which the sound is late (positive) or early.

    Args:
        signals: for every clip the lips' opening (n,), NaN where unknown, and the sound's features (n, k).
        fps: frames per second.

    Returns:
        The delay to the nearest frame, or None where it cannot be estimated: too little footage, no clear peak, or
        parts of the footage that disagree.
    """
    reach = round(LARGEST_DELAY * fps)
    usable = [(opening, speech) for opening, speech in signals if np.isfinite(opening).sum() > 2 * reach]
    if sum(np.isfinite(opening).sum() for opening, _ in usable) < _SHORTEST * fps:
        return None
    mouths = [_detail(_filled(opening), fps) for opening, _ in usable]
    sounds = [_detail(speech, fps) for _, speech in usable]
    shifts = np.arange(-reach, reach + 1)
    parts = np.stack([_sums(mouths, sounds, int(shift)) for shift in shifts])  # (shifts, folds, sums)
    curve = _smooth_correlation(parts.sum(axis=1))
    best = int(curve.argmax())
    others = [_smooth_correlation(np.delete(parts, fold, axis=1).sum(axis=1)).argmax() for fold in range(_FOLDS)]
    clear = curve[best] >= _CLEAR and curve[best] >= np.median(curve) + _RISE
    if not clear or best in (0, 2 * reach) or max(abs(int(other) - best) for other in others) > _AGREE:
        return None
    return float(shifts[best] / fps)


def _filled(values: np.ndarray) -> np.ndarray:
    index = np.arange(len(values))
    known = np.isfinite(values)
    return np.interp(index, index[known], values[known])


def _detail(signal: np.ndarray, fps: float) -> np.ndarray:
    return signal - gaussian_filter1d(signal, _DRIFT * fps, axis=0)


def _sums(mouths: Sequence[np.ndarray], sounds: Sequence[np.ndarray], shift: int) -> np.ndarray:
    """Per fold: n and the sums of p, y, p*p, y*y and p*y over its frames; p is predicted without it. (folds, 6)"""
    pairs = [
        (sound[shift:], mouth[: len(mouth) - shift]) if shift >= 0 else (sound[:shift], mouth[-shift:])
        for mouth, sound in zip(mouths, sounds, strict=True)
    ]
    x = np.concatenate([sound for sound, _ in pairs])
    y = np.concatenate([mouth for _, mouth in pairs])
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
    y = y - y.mean()
    edges = np.linspace(0, len(y), _FOLDS + 1).astype(int)
    folds = [slice(start, end) for start, end in pairwise(edges)]
    squares = np.stack([x[fold].T @ x[fold] for fold in folds])
    products = np.stack([x[fold].T @ y[fold] for fold in folds])
    sums = np.empty((_FOLDS, 6))
    for number, fold in enumerate(folds):
        rest = len(y) - (fold.stop - fold.start)
        weights = np.linalg.solve(
            squares.sum(axis=0) - squares[number] + _RIDGE * rest * np.eye(x.shape[1]),
            products.sum(axis=0) - products[number],
        )
        p, q = x[fold] @ weights, y[fold]
        sums[number] = len(q), p.sum(), q.sum(), p @ p, q @ q, p @ q
    return sums


def _smooth_correlation(sums: np.ndarray) -> np.ndarray:
    """Correlation of prediction and opening for every shift (shifts, 6) -> (shifts,), smoothed over a frame."""
    n, p, q, pp, qq, pq = sums.T
    spread = np.sqrt(np.maximum((n * pp - p**2) * (n * qq - q**2), 1e-30))
    return gaussian_filter1d((n * pq - p * q) / spread, 1.0)
