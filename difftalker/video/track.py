"""Where the speaker's face is in every picture: boxes and coarse landmarks.

Pictures are searched in independent pieces of one second, in worker processes: the first picture as a whole, the
others around the faces found there. The pieces are then joined into tracks, of which the one with the largest faces is
the speaker's. The result does not depend on the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import dlib
import numpy as np

from difftalker.landmarks.dlib_detector import predict
from difftalker.parallel import map_ordered

PIECE = 25  # pictures searched together

_LONG_SIDE = 960  # pixels; larger pictures are reduced for the search
_SEARCH_SIDES = (640, 1280)  # long side of the picture for a search as a whole: faces from 1/8, then 1/16 of it
_RETRY = 5  # pictures between two searches as a whole while no face is in sight
_FACE = 100.0  # pixels of a face's box in the search around it
_AROUND = 1.8  # side of that search, in faces
_NEAR_THRESHOLD = -0.3  # a face known to be near may look less like one than a new face
_SAME = 0.2  # overlap (intersection over union) of one face in two pictures


@dataclass(frozen=True)
class Face:
    """A face in one picture, in its pixels: box (4,) x0, y0, x1, y1 and points (68, 2), float32."""

    box: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Track:
    """The speaker in one clip of n pictures.

    Attributes:
        found: (n,) bool, whether a face was found.
        boxes: (n, 4) float64, x0, y0, x1, y1 in source pixels; undefined where not found.
        points: (n, 68, 2) float64, source pixels; undefined where not found.
        several: number of pictures in which more than one face was seen.
        width, height: size of the source pictures.
    """

    found: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    several: int
    width: int
    height: int


def track_faces(
    clips: Iterable[Iterable[np.ndarray]],
    executor: Executor | None = None,
    workers: int = 1,
    choose: Callable[[Sequence[dict[int, Face]], float, float], dict[int, Face]] | None = None,
) -> Iterator[Track]:
    """Find the speaker's face in streams of pictures.

    Args:
        clips: streams of (h, w, 3) uint8 RGB, all pictures of a clip of one size. A few seconds are held at a time.
        executor: processes to search with; None searches in this one.
        workers: number of its processes.
        choose: takes all tracks of a clip and the size of the pictures searched (width, height), and gives the faces
            to follow by picture number; by default, those of the largest face.

    Yields:
        For each clip, the track of its largest face (by the sum of its area over time). Where it is out of sight, a
        face of another track of similar size stands in if it is never seen beside it: the same person after a cut.
    """
    sizes: list[list[int]] = []
    owners: deque[int] = deque()

    def pieces() -> Iterator[list[np.ndarray]]:
        for number, frames in enumerate(clips):
            sizes.append([])
            for piece in _pieces(frames, sizes[-1]):
                owners.append(number)
                yield piece

    current = 0
    found: list[list[dict[int, Face]]] = []
    for result in map_ordered(search_piece, pieces(), executor, 2 * workers):
        if owners.popleft() > current:  # the clip before is complete
            yield _track(found, sizes[current], choose)
            current += 1
            found = []
        found.append(result)
    if found:
        yield _track(found, sizes[current], choose)


def _track(
    pieces: list[list[dict[int, Face]]],
    size: list[int],
    choose: Callable[[Sequence[dict[int, Face]], float, float], dict[int, Face]] | None,
) -> Track:
    width, height, count = size
    tracks = _join(pieces)
    several = sum(1 for i in range(count) if sum(i in track for track in tracks) > 1)
    found = np.zeros(count, bool)
    boxes = np.zeros((count, 4))
    points = np.zeros((count, 68, 2))
    factor = _reduction(width, height)
    chosen = _largest(tracks) if choose is None else choose(tracks, factor * width, factor * height)
    for index, face in chosen.items():
        found[index] = True
        boxes[index] = (face.box + 0.5) / factor - 0.5
        points[index] = (face.points + 0.5) / factor - 0.5
    return Track(found, boxes, points, several, width, height)


def _reduction(width: int, height: int) -> float:
    return min(1.0, _LONG_SIDE / max(width, height, 1))


def _pieces(frames: Iterable[np.ndarray], size: list[int]) -> Iterator[list[np.ndarray]]:
    """Gray pictures, PIECE at a time; `size` becomes [width, height, pictures]."""
    piece: list[np.ndarray] = []
    for frame in frames:
        if not size:
            size[:] = [frame.shape[1], frame.shape[0], 0]
        size[2] += 1
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        factor = _reduction(size[0], size[1])
        if factor < 1.0:
            gray = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        piece.append(gray)
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


@lru_cache(maxsize=1)
def _hog() -> Any:
    return dlib.get_frontal_face_detector()


def search_piece(images: Sequence[np.ndarray]) -> list[dict[int, Face]]:
    """Follow every face through a few pictures.

    Args:
        images: (h, w) uint8.

    Returns:
        One mapping from position in `images` to face for every face that was followed.
    """
    tracks: list[dict[int, Face]] = []
    last: list[np.ndarray] = []
    for index, image in enumerate(images):
        seen: list[np.ndarray] = []
        for track, box in zip(tracks, last, strict=True):
            face = _search_near(image, box)
            if face is not None and all(overlap(face.box, other) < _SAME for other in seen):
                track[index] = face
                box[:] = face.box
                seen.append(face.box)
        if not seen and index % _RETRY == 0:
            for box in _search_whole(image):
                face = _search_near(image, box)
                if face is not None:
                    tracks.append({index: face})
                    last.append(face.box.copy())
    return tracks


def _search_whole(image: np.ndarray) -> list[np.ndarray]:
    for side in _SEARCH_SIDES:
        factor = side / max(image.shape)
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        scaled = cv2.resize(image, None, fx=factor, fy=factor, interpolation=method)
        boxes = [(_corners(found) + 0.5) / factor - 0.5 for found in _hog()(scaled, 0)]
        if boxes:
            return boxes
    return []


def _search_near(image: np.ndarray, box: np.ndarray) -> Face | None:
    """The face nearest to `box` in the picture around it."""
    side = max(box[2] - box[0], box[3] - box[1])
    factor = _FACE / side
    pixels = round(_AROUND * _FACE)
    origin = (box[:2] + box[2:]) / 2 - (pixels - 1) / 2 / factor
    matrix = np.array([[factor, 0, -factor * origin[0]], [0, factor, -factor * origin[1]]])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    around = cv2.warpAffine(image, matrix, (pixels, pixels), flags=method, borderMode=cv2.BORDER_REPLICATE)
    found, _, _ = _hog().run(around, 0, _NEAR_THRESHOLD)
    candidates = [_corners(one) for one in found]
    if not candidates:
        return None
    middle = np.array([pixels / 2 - _FACE / 2] * 2 + [pixels / 2 + _FACE / 2] * 2)
    best = max(candidates, key=lambda one: overlap(one, middle))
    if overlap(best, middle) < _SAME:
        return None
    points = predict(around, best)
    shift = np.concatenate([origin, origin])
    return Face((best / factor + shift).astype(np.float32), (points / factor + origin).astype(np.float32))


def _corners(found: Any) -> np.ndarray:
    return np.array([found.left(), found.top(), found.right(), found.bottom()], dtype=np.float64)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes (4,)."""
    inner = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.maximum(inner, 0.0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - shared
    return shared / union if union > 0 else 0.0


def _join(pieces: Sequence[Sequence[dict[int, Face]]]) -> list[dict[int, Face]]:
    """Join the tracks of successive pieces; picture numbers become those of the clip."""
    joined: list[dict[int, Face]] = []
    for number, piece in enumerate(pieces):
        free = list(range(len(joined)))
        for track in piece:
            faces = {number * PIECE + index: face for index, face in track.items()}
            first = next(iter(faces.values())).box
            score, best = max(((overlap(_last(joined[i]), first), i) for i in free), default=(0.0, -1))
            if score >= _SAME:
                joined[best].update(faces)
                free.remove(best)
            else:
                joined.append(faces)
    return joined


def _last(track: dict[int, Face]) -> np.ndarray:
    return track[next(reversed(track))].box


def _largest(tracks: Sequence[dict[int, Face]]) -> dict[int, Face]:
    return join_speaker(max(tracks, key=_area), tracks) if tracks else {}


def join_speaker(track: dict[int, Face], tracks: Sequence[dict[int, Face]]) -> dict[int, Face]:
    """Add to a track those that may be the same person after a cut: of similar size, never seen beside it."""

    def side(one: dict[int, Face]) -> float:
        return float(np.median([face.box[2] - face.box[0] for face in one.values()]))

    chosen = dict(track)
    for other in sorted(tracks, key=_area, reverse=True):
        if not chosen.keys() & other.keys() and 2 / 3 < side(other) / side(track) < 3 / 2:
            chosen.update(other)
    return chosen


def _area(track: dict[int, Face]) -> float:
    return sum(float(np.prod(face.box[2:] - face.box[:2])) for face in track.values())
