"""Where the face is in the base footage, and its landmarks: all that is remembered of it between the passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from difftalker.config import DetectorConfig
from difftalker.drive.choose import Chooser, chooser
from difftalker.drive.footage import Footage
from difftalker.errors import UserError
from difftalker.face_folder import Description
from difftalker.files import replacing
from difftalker.landmarks.detect import detect_landmarks
from difftalker.landmarks.table import MIN_SCORE, clean_clip
from difftalker.parallel import processes, worker_count
from difftalker.video.crop import crop_geometry, cut, face_width
from difftalker.video.track import PIECE, track_faces

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Scene:
    """The face in n pictures of the base footage.

    Attributes:
        transforms: (n, 6) float64, from source to crop pixels; see `video.crop.Geometry`.
        landmarks: (n, 68, 2) float32, over the crop size.
        valid: (n,) bool: there is a face that can be painted on.
        stamps: time stamps of the pictures in the file, (n,) int64.
    """

    transforms: np.ndarray
    landmarks: np.ndarray
    valid: np.ndarray
    stamps: np.ndarray

    def __len__(self) -> int:
        return len(self.valid)

    def first(self, count: int) -> Scene:
        """The first pictures only."""
        return Scene(*(getattr(self, name)[:count] for name in _FIELDS))

    def save(self, path: Path) -> None:
        """Write a `.safetensors` file, whole or absent."""
        with replacing(path) as partial:
            partial.write_bytes(save({name: np.ascontiguousarray(getattr(self, name)) for name in _FIELDS}))

    @classmethod
    def load(cls, path: Path) -> Scene:
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged.
        """
        try:
            data = load_file(path)
            return cls(*(data[name] for name in _FIELDS))
        except (SafetensorError, KeyError, OSError) as error:
            raise UserError(f"{path}: cannot be read ({error}); remove it or export the face again") from None


_FIELDS = ("transforms", "landmarks", "valid", "stamps")


@dataclass(frozen=True)
class CropRule:
    """How crops are cut and landmarks found: as in the training.

    Attributes:
        size: side of the crop in pixels.
        margin, smoothing: see `config.FramesConfig`.
        detector: the landmark detector and its settings.
        pin: hash of its weights, see `make_detector`.
    """

    size: int
    margin: float
    smoothing: float
    detector: DetectorConfig
    pin: str | None = None


def search(
    face: Description,
    footage: Footage,
    limit: int,
    track: int | None,
    device: str,
    warn: Callable[[str], None],
    tick: Tick,
) -> Scene:
    """Find a trained face's speaker in the first pictures of some footage.

    Args:
        face: what the face is: its crop rule and detector, and where the speaker was in the training footage.
        footage, limit, device, tick: see `survey`.
        track, warn: see `choose.chooser`.

    Raises:
        UserError: see `survey`.
    """
    rule = CropRule(face.size, face.margin, face.smoothing, face.detector, face.weights.fan2d if face.weights else None)
    place = face.speaker.place
    choose = chooser((place[0], place[1], place[2]) if place else None, track, warn)
    return survey(footage, limit, rule, choose, device, tick)


def survey(footage: Footage, limit: int, rule: CropRule, choose: Chooser, device: str, tick: Tick) -> Scene:
    """Find the face in the first pictures of the footage, in two streaming passes: tracking, then landmarks.

    Args:
        footage: base footage.
        limit: how many pictures are needed at most.
        rule: crops and detector of the trained face.
        choose: which of several faces is followed.
        device: where a network detector runs.
        tick: called with the number of pictures just done, twice for every picture.

    Raises:
        UserError: no face is found in any picture.
    """

    def counted(stream: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for image in stream:
            yield image
            tick(1)

    workers = worker_count(min(limit, footage.expected) // (8 * PIECE))
    with processes(workers) as executor:
        track = next(track_faces([counted(footage.scan(limit))], executor, workers, choose))
    if not track.found.any():
        raise UserError(
            f"{footage.path}: no face found in any of its {len(track.found)} frames; give footage with one frontal "
            "face of at least 1/16 of the picture's longer side"
        )
    stamps = footage.stamps
    face = float(np.median(face_width(track.points[track.found])))
    geometry = crop_geometry(track, face, rule.size, rule.margin, rule.smoothing, footage.fps)
    images = counted(footage.scan(limit))
    crops = (cut(image, transform, rule.size) for image, transform in zip(images, geometry.transforms, strict=True))
    points, scores = detect_landmarks(crops, geometry.boxes, rule.detector, device, rule.pin)
    seen = geometry.valid & (scores >= MIN_SCORE)
    landmarks, valid, _ = clean_clip(points, seen, rule.detector)
    valid &= geometry.valid  # what was filled in where no face was found is not painted on
    return Scene(geometry.transforms, landmarks.astype(np.float32), valid, stamps)
