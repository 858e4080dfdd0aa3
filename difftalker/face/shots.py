"""Cuts: where one shot of a film ends and another begins, and the crops of every shot on its own.

A cut changes the whole picture within one picture's time. Against its neighbours in time, that stands out from all
motion; a flash of light does not, since it changes the picture twice. Where the pictures leave it open (a jump cut
before a plain wall), the face's jump decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np

from difftalker.face.crop import Geometry, crop_geometry, face_width
from difftalker.face.topology import RIGID
from difftalker.face.tracking import SpeakerTrack

_LONG_SIDE = 32  # pixels of the small pictures that are compared
_REACH = 3  # pictures on either side that a change is compared with
_NOISE = 0.3  # grey levels that pictures differ by in any case
_CHANGE, _STANDS_OUT = 2.0, 3.0  # mean grey levels; times the largest change near it
_SMALL_CHANGE, _SOMEWHAT = 1.0, 1.5  # the same where the face jumps
_JUMP, _RESIZE = 0.12, 0.05  # of a face: face widths; natural logarithm of its size


def measure_changes(pictures: Iterable[np.ndarray], changes: list[float]) -> Iterator[np.ndarray]:
    """Pass a film's pictures on, and note how much each differs from the one before.

    Args:
        pictures: (h, w, 3) uint8, all of one size.
        changes: gains the mean difference in grey levels for every picture; 0 for the first.
    """
    before: np.ndarray | None = None
    for picture in pictures:
        height, width = picture.shape[:2]
        factor = _LONG_SIDE / max(height, width)
        size = max(1, round(factor * width)), max(1, round(factor * height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.int16)
        changes.append(0.0 if before is None else float(np.abs(small - before).mean()))
        before = small
        yield picture


def find_shots(changes: Sequence[float], track: SpeakerTrack) -> np.ndarray:
    """Number the shots of a film.

    Args:
        changes: of all n pictures, see `measure_changes`.
        track: the face in them.

    Returns:
        (n,) int64, the number of every picture's shot, from 0.
    """
    change, jump = np.array(changes), _jumps(track)
    outstanding = (change > _CHANGE) & (change > _STANDS_OUT * (_near(change) + _NOISE))
    somewhat = (change > _SMALL_CHANGE) & (change > _SOMEWHAT * (_near(change) + _NOISE))
    jumping = (jump > 1) & (jump > _STANDS_OUT * _near(jump))
    return np.cumsum(outstanding | (somewhat & jumping)).astype(np.int64)


def _jumps(track: SpeakerTrack) -> np.ndarray:
    """How far the face jumped since the picture before, over what a head may do: (n,), 0 where it is not seen."""
    seen = track.found[1:] & track.found[:-1]
    width = np.where(track.found, face_width(track.points), 1.0).clip(1e-6)
    centre = track.points[:, RIGID].mean(axis=1)
    moved = np.linalg.norm(np.diff(centre, axis=0), axis=1) / width[:-1]
    resized = np.abs(np.diff(np.log(width)))
    return np.concatenate([[0.0], np.where(seen, np.maximum(moved / _JUMP, resized / _RESIZE), 0.0)])


def _near(values: np.ndarray) -> np.ndarray:
    """The largest of the values near each one, (n,) all at least 0, itself left out."""
    padded = np.pad(values, _REACH)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _REACH + 1)
    return np.delete(windows, _REACH, axis=1).max(axis=1)


def shots_of_transforms(transforms: np.ndarray) -> np.ndarray:
    """The shots by which `shot_geometry` laid a film's crops: (n, 6) transforms to (n,) numbers from 0.

    A shot's scale is that of its own face; two shots with equal scales to the last bit count as one.
    """
    scale = transforms[:, 0]
    return np.cumsum(np.diff(scale, prepend=scale[:1]) != 0).astype(np.int64)


def shot_slices(shots: np.ndarray) -> list[slice]:
    """The pictures of each shot, in order: (n,) numbers to slices that cover them all."""
    edges = np.flatnonzero(np.diff(shots, prepend=-1, append=-1))
    return [slice(int(first), int(last)) for first, last in pairwise(edges)]


def shot_geometry(
    track: SpeakerTrack, shots: np.ndarray, size: int, crop_scale: float, smoothing: float, fps: float
) -> Geometry:
    """Lay the crops of a film, shot by shot: each has the scale of its own median face, and nothing is smoothed across
    a cut.

    Args:
        track: the face; at least one picture must have one.
        shots: number of every picture's shot, (n,), rising.
        size, crop_scale, smoothing, fps: as in `crop_geometry`.

    Returns:
        The crops of all pictures. Those of a shot without a face are not valid; they lie as at the end of the shot
        before, or of the first that has one.
    """
    laid: list[Geometry | None] = []
    for pictures in shot_slices(shots):
        part = _part(track, pictures)
        if part.found.any():
            face = float(np.median(face_width(part.points[part.found])))
            laid.append(crop_geometry(part, face, size, crop_scale, smoothing, fps))
        else:
            laid.append(None)
    before = next(geometry for geometry in laid if geometry is not None)
    filled = []
    for pictures, geometry in zip(shot_slices(shots), laid, strict=True):
        before = geometry or _held(before, pictures.stop - pictures.start)
        filled.append(before)
    names = [field.name for field in fields(Geometry)]
    return Geometry(**{name: np.concatenate([getattr(geometry, name) for geometry in filled]) for name in names})


def _held(before: Geometry, count: int) -> Geometry:
    """Crops where the last one lies, without a face."""
    names = [field.name for field in fields(Geometry)]
    last = Geometry(**{name: np.repeat(getattr(before, name)[-1:], count, axis=0) for name in names})
    return replace(last, valid=np.zeros(count, bool))


def _part(track: SpeakerTrack, pictures: slice) -> SpeakerTrack:
    """Successive pictures of a track."""
    names = ("found", "regions", "points")
    return replace(track, **{name: getattr(track, name)[pictures] for name in names})
