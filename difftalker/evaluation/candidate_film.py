"""Films that are compared with a reference: read beside it, frame by frame, at its rate and size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from difftalker.errors import UserError
from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.reference_film import ReferenceFilm
from difftalker.face.crop import cut_crop
from difftalker.face.face_detector import box_overlap
from difftalker.face.tracking import FaceTracker
from difftalker.media.decode import decode_frames

_ASPECT = 0.02  # by which the ratio of width to height may differ: encoders round sizes to multiples of 16
_LOOKS = 6  # frames of a candidate that are searched for a face
_NEAR = 0.3  # overlap with the reference's face below which a note says so


class CandidateFilm:
    """The pictures of a film for rows that are asked for in order.

    Args:
        path: the film.
        reference: names rows, rate and size; pictures of another size are resized to it (area means where they become
            smaller, cubic where larger).
    """

    def __init__(self, path: Path, reference: ReferenceFilm) -> None:
        self._path, self._reference = path, reference
        self._pictures = decode_frames(path, reference.fps)
        self._next = 0
        self._start = 0
        self._held: list[np.ndarray] = []

    def images(self, chosen: slice, truth: np.ndarray | None = None) -> np.ndarray:
        """Crops of the rows `chosen`: (n, size, size, 3) uint8 RGB."""
        reference = self._reference
        self._start = chosen.start
        self._held = [self._advance(int(frame)) for frame in reference.rows.frame[chosen]]
        transforms = reference.transforms[chosen]
        return np.stack(
            [cut_crop(picture, t, reference.size) for picture, t in zip(self._held, transforms, strict=True)]
        )

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        """See `RowImages.whole`: the film's own picture."""
        return self._held[index - self._start]

    def read(self, rows: FrameTable, chosen: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """See `PictureSource.read`, for the rows that `images` was last asked for."""
        yield from zip(self._held, self._reference.transforms[chosen], strict=True)

    def _advance(self, frame: int) -> np.ndarray:
        for picture in self._pictures:
            self._next += 1
            if self._next > frame:
                return resize_to(picture, self._reference.width, self._reference.height)
        raise UserError(f"{self._path}: ends before frame {frame}; export it again")


def resize_to(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture (h, w, 3) uint8 in the given size."""
    if picture.shape[:2] == (height, width):
        return picture
    smaller = width * height < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def check_shape(path: Path, width: int, height: int, reference: Path, like: tuple[int, int]) -> None:
    """Compare the shape of a candidate's pictures with the reference's (width, height).

    Raises:
        UserError: they are of another shape, so no resizing brings them into line.
    """
    if abs(width / height / (like[0] / like[1]) - 1) > _ASPECT:
        raise UserError(
            f"{path}: pictures of {width}x{height} have another shape than the {like[0]}x{like[1]} of {reference}; "
            "crop or pad them to the reference's view first"
        )


def check_face(path: Path, reference: ReferenceFilm) -> str | None:
    """Search a few frames of a candidate for a face.

    Returns:
        A note where the face is not where the reference has it; None where it is.

    Raises:
        UserError: there is no face in any of them.
    """
    count = len(reference.boxes)
    wanted = set(np.linspace(0, count - 1, min(_LOOKS, count)).round().astype(int).tolist())
    shared, seen, follower = [], False, FaceTracker()
    for index, picture in enumerate(islice(decode_frames(path, reference.fps), count)):
        if index not in wanted:
            continue
        faces = [face.box for face in follower.find(resize_to(picture, reference.width, reference.height))]
        seen = seen or bool(faces)
        box = reference.boxes[index]
        if np.isfinite(box).all():
            shared.append(max((box_overlap(face, box) for face in faces), default=0.0))
    if not seen:
        raise UserError(f"{path}: no face in {len(wanted)} frames of it; a candidate must show the reference's face")
    if shared and np.median(shared) < _NEAR:
        return "its face is not where the reference has it: figures of pixels and landmarks then say little"
    return None
