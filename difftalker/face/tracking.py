"""Every face in streams of pictures, followed from picture to picture.

Pictures are searched in independent pieces of one second, in worker processes: the first picture as a whole, the
others where its faces lead. The pieces are then joined into tracks. The result does not depend on the number of
workers. Extraction, dubbing and evaluation follow faces with this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

from difftalker.compute.parallel import map_ordered
from difftalker.face.face_detector import FaceDetector, box_overlap
from difftalker.face.mediapipe.mesh_detector import MeshDetector
from difftalker.face.mediapipe.mesh_points import to_ibug
from difftalker.face.mediapipe.region import mesh_regions, upright_boxes

PIECE_PICTURES = 25  # pictures searched together

_LONG_SIDE = 960  # pixels; larger pictures are reduced
_RETRY = 5  # pictures between two searches as a whole while a face is lost
_MOST = 6  # faces followed at a time, the largest
_PRESENT = 0.5  # probability of a face from which it is one
_MOVED = 0.1  # change of a region, in sides or radians, from which its picture is cut again
_SAME = 0.2  # overlap (intersection over union) of one face in two pictures


@dataclass(frozen=True)
class DetectedFace:
    """A face in one picture, in its pixels: region (4,) as the mesh takes it, and points (68, 2)."""

    region: np.ndarray
    points: np.ndarray

    @property
    def box(self) -> np.ndarray:
        """Upright square around it, (4,) x0, y0, x1, y1."""
        return np.asarray(upright_boxes(self.region[None])[0])


FaceTrack = dict[int, DetectedFace]  # by picture number


@dataclass(frozen=True)
class SpeakerTrack:
    """The speaker in one clip of n pictures.

    Attributes:
        found: (n,) bool, whether a face was found.
        regions: (n, 4) float64, centre x, y, side and angle in source pixels; undefined where not found.
        points: (n, 68, 2) float64, source pixels; undefined where not found. Lips do not quite close.
        width, height: size of the source pictures.
    """

    found: np.ndarray
    regions: np.ndarray
    points: np.ndarray
    width: int
    height: int


@dataclass(frozen=True)
class ClipFaces:
    """All faces of one clip.

    Attributes:
        tracks: the faces followed.
        count: number of pictures.
        width, height: size of the source pictures.
    """

    tracks: Sequence[FaceTrack]
    count: int
    width: int
    height: int

    @property
    def several(self) -> int:
        """Number of pictures in which more than one face was seen."""
        return sum(1 for index in range(self.count) if sum(index in track for track in self.tracks) > 1)

    def track(self, faces: FaceTrack) -> SpeakerTrack:
        """The given faces as arrays over all pictures."""
        found = np.zeros(self.count, bool)
        regions, points = np.zeros((self.count, 4)), np.zeros((self.count, 68, 2))
        for index, face in faces.items():
            found[index], regions[index], points[index] = True, face.region, face.points
        return SpeakerTrack(found, regions, points, self.width, self.height)


def track_faces(
    clips: Iterable[Iterable[np.ndarray]], executor: Executor | None = None, workers: int = 1
) -> Iterator[ClipFaces]:
    """Follow the faces in streams of pictures.

    Args:
        clips: streams of (h, w, 3) uint8 RGB, all pictures of a clip of one size. A few seconds are held at a time.
        executor: processes to search with; None searches in this one.
        workers: number of its processes.

    Yields:
        The faces of each clip with pictures.

    Raises:
        UserError: the detectors' weights are missing or altered.
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
    found: list[list[FaceTrack]] = []
    for result in map_ordered(track_piece, pieces(), executor, 2 * workers):
        if owners.popleft() > current:  # the clip before is complete
            yield _cast(found, *sizes[current])
            current += 1
            found = []
        found.append(result)
    if found:
        yield _cast(found, *sizes[current])


def _pieces(frames: Iterable[np.ndarray], size: list[int]) -> Iterator[list[np.ndarray]]:
    """Pictures, reduced, PIECE at a time; `size` becomes [width, height, number of pictures]."""
    piece: list[np.ndarray] = []
    for frame in frames:
        if not size:
            size[:] = [frame.shape[1], frame.shape[0], 0]
        size[2] += 1
        factor = _reduction(size[0], size[1])
        if factor < 1.0:
            frame = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        piece.append(frame)
        if len(piece) == PIECE_PICTURES:
            yield piece
            piece = []
    if piece:
        yield piece


def _reduction(width: int, height: int) -> float:
    return min(1.0, _LONG_SIDE / max(width, height, 1))


def _cast(pieces: Sequence[Sequence[FaceTrack]], width: int, height: int, count: int) -> ClipFaces:
    factor = _reduction(width, height)

    def enlarged(face: DetectedFace) -> DetectedFace:
        x, y, side, angle = face.region
        region = np.array([(x + 0.5) / factor - 0.5, (y + 0.5) / factor - 0.5, side / factor, angle])
        return DetectedFace(region, (face.points + 0.5) / factor - 0.5)

    tracks = join_pieces(pieces)
    return ClipFaces(
        [{index: enlarged(face) for index, face in track.items()} for track in tracks], count, width, height
    )


@lru_cache(maxsize=1)
def _follower() -> FaceTracker:
    return FaceTracker()


def track_piece(images: Sequence[np.ndarray]) -> list[FaceTrack]:
    """Follow every face through a few pictures (h, w, 3) uint8 RGB; pictures are numbered from 0."""
    return _follower().follow(images)


class FaceTracker:
    """Search and mesh, on one core: every picture's faces lead to the next one's, so there are no batches for a GPU.

    Raises:
        UserError: the weights are missing or altered.
    """

    def __init__(self) -> None:
        self._search, self._detector = FaceDetector(), MeshDetector(torch.device("cpu"))

    def follow(self, images: Sequence[np.ndarray]) -> list[FaceTrack]:
        """See `track_piece`."""
        tracks: list[FaceTrack] = []
        for index, image in enumerate(images):
            seen: list[DetectedFace] = []
            near = [track for track in tracks if index - 1 in track]
            for track, face in zip(near, self._look(image, [track[index - 1] for track in near]), strict=True):
                if face is not None and _is_new(face, seen):
                    track[index] = face
                    seen.append(face)
            if index % _RETRY == 0 and len(seen) < max(1, len(tracks)):
                for face in self.find(image):
                    if len(seen) < _MOST and _is_new(face, seen):
                        lost = [track for track in tracks if index not in track]
                        _continue(lost, tracks, index, face)
                        seen.append(face)
        return tracks

    def find(self, image: np.ndarray) -> list[DetectedFace]:
        """Every face of a picture (h, w, 3) uint8 RGB, the largest first."""
        candidates = self._search.find(image)
        faces = [face for face in self._see(image, candidates) if face is not None]
        return sorted(faces, key=lambda face: -float(face.region[2]))

    def _look(self, image: np.ndarray, before: Sequence[DetectedFace]) -> list[DetectedFace | None]:
        return self._see(image, np.array([face.region for face in before]).reshape(-1, 4))

    def _see(self, image: np.ndarray, regions: np.ndarray) -> list[DetectedFace | None]:
        """The face in each region, which is moved onto it where it is off; None where there is none."""
        if not len(regions):
            return []
        mesh, scores = self._detector.mesh([image] * len(regions), regions, refine=False)
        there = scores >= _PRESENT
        moved = np.flatnonzero(there & (_change(regions, mesh_regions(mesh)) > _MOVED))
        if len(moved):
            mesh[moved], again = self._detector.mesh([image] * len(moved), mesh_regions(mesh[moved]), refine=False)
            there[moved] = again >= _PRESENT
        points = to_ibug(mesh)
        return [
            DetectedFace(*each) if seen else None for *each, seen in zip(mesh_regions(mesh), points, there, strict=True)
        ]


def _change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The largest change between regions (n, 4) -> (n,), in sides or radians."""
    shift = np.linalg.norm(after[:, :2] - before[:, :2], axis=1) / before[:, 2]
    growth = np.abs(np.log(after[:, 2] / before[:, 2]))
    turn = np.abs(np.angle(np.exp(1j * (after[:, 3] - before[:, 3]))))
    return np.asarray(np.maximum(np.maximum(shift, growth), turn))


def _is_new(face: DetectedFace, seen: Sequence[DetectedFace]) -> bool:
    return all(box_overlap(face.box, other.box) < _SAME for other in seen)


def _continue(candidates: Sequence[FaceTrack], tracks: list[FaceTrack], index: int, face: DetectedFace) -> None:
    """Add a face to the track among the candidates that ended where it is, or else to the tracks as a new one."""
    shared = [box_overlap(_last(track).box, face.box) for track in candidates]
    if shared and max(shared) >= _SAME:
        candidates[int(np.argmax(shared))][index] = face
    else:
        tracks.append({index: face})


def _last(track: FaceTrack) -> DetectedFace:
    return track[next(reversed(track))]


def join_pieces(pieces: Sequence[Sequence[FaceTrack]]) -> list[FaceTrack]:
    """Join the tracks of successive pieces; picture numbers become those of the clip."""
    joined: list[FaceTrack] = []
    for number, piece in enumerate(pieces):
        free = list(range(len(joined)))
        for track in piece:
            faces = {number * PIECE_PICTURES + index: face for index, face in track.items()}
            first = next(iter(faces.values())).box
            score, best = max(((box_overlap(_last(joined[i]).box, first), i) for i in free), default=(0.0, -1))
            if score >= _SAME:
                joined[best].update(faces)
                free.remove(best)
            else:
                joined.append(faces)
    return joined


def largest_track(tracks: Sequence[FaceTrack]) -> FaceTrack:
    """The faces of the largest track, by the sum of its area over time, with those that may be the same person."""
    return join_speaker(max(tracks, key=track_area), tracks) if tracks else {}


def join_speaker(track: FaceTrack, tracks: Sequence[FaceTrack]) -> FaceTrack:
    """Add to a track those that may be the same person after a cut: of similar size, never seen beside it."""

    def side(one: FaceTrack) -> float:
        return float(np.median([face.region[2] for face in one.values()]))

    chosen = dict(track)
    for other in sorted(tracks, key=track_area, reverse=True):
        if not chosen.keys() & other.keys() and 2 / 3 < side(other) / side(track) < 3 / 2:
            chosen.update(other)
    return chosen


def track_area(track: FaceTrack) -> float:
    """Sum of a track's areas, in squares of a face's side."""
    return float(sum(face.region[2] ** 2 for face in track.values()))
