"""Where the face is in the base footage, and its landmarks: all that is remembered of it between the passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from difftalker.compute.parallel import worker_count, worker_processes
from difftalker.config import DetectorConfig
from difftalker.dub.choose_face import FaceChooser, make_chooser
from difftalker.dub.footage import Footage
from difftalker.dub.identity import DESCRIPTOR_CROP, mean_descriptor, upper_face_descriptor
from difftalker.dub.settings import StepsDone
from difftalker.errors import UserError
from difftalker.face.crop import cut_crop
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.landmark_table import MIN_SCORE, clean_shot
from difftalker.face.shots import find_shots, measure_changes, shot_geometry, shot_slices, shots_of_transforms
from difftalker.face.tracking import PIECE_PICTURES, track_faces
from difftalker.face_folder import Description
from difftalker.files import replacing

_SAMPLED = 12  # pictures of a shot of which a descriptor is taken


@dataclass(frozen=True)
class FootageFace:
    """The face in n pictures of the base footage.

    Attributes:
        transforms: (n, 6) float64, from source to crop pixels; see `crop.Geometry`.
        landmarks: (n, 68, 2) float32, over the crop size.
        valid: (n,) bool: there is a face that can be painted on.
        stamps: time stamps of the pictures in the file, (n,) int64.
        shots: number of every picture's shot, (n,) int64, rising from 0.
        descriptors: mean descriptor of the face in every shot, (shots, 160) float32, see
            `identity.upper_face_descriptor`; zeros where it is not known.
    """

    transforms: np.ndarray
    landmarks: np.ndarray
    valid: np.ndarray
    stamps: np.ndarray
    shots: np.ndarray
    descriptors: np.ndarray

    @classmethod
    def of_speaker(
        cls, transforms: np.ndarray, landmarks: np.ndarray, valid: np.ndarray, stamps: np.ndarray
    ) -> FootageFace:
        """A face that is known to show the speaker, as `extract_frames` laid its crops: each shot at its own scale.

        Args: as the attributes.
        """
        shots = shots_of_transforms(transforms)
        return cls(transforms, landmarks, valid, stamps, shots, np.tile(mean_descriptor([]), (int(shots[-1]) + 1, 1)))

    def __len__(self) -> int:
        return len(self.valid)

    def first(self, count: int) -> FootageFace:
        """The first pictures only."""
        return replace(self, **{name: getattr(self, name)[:count] for name in _FIELDS if name != "descriptors"})

    def save(self, path: Path) -> None:
        """Write a `.safetensors` file, whole or absent."""
        with replacing(path) as partial:
            partial.write_bytes(save({name: np.ascontiguousarray(getattr(self, name)) for name in _FIELDS}))

    @classmethod
    def load(cls, path: Path) -> FootageFace:
        """Read what `save` wrote.

        Raises:
            UserError: it is damaged.
        """
        try:
            data = load_file(path)
            return cls(*(data[name] for name in _FIELDS))
        except (SafetensorError, KeyError, OSError) as error:
            raise UserError(f"{path}: cannot be read ({error}); remove it or export the face again") from None


_FIELDS = ("transforms", "landmarks", "valid", "stamps", "shots", "descriptors")


@dataclass(frozen=True)
class CropRule:
    """How crops are cut and landmarks found: as in the training.

    Attributes:
        size: side of the crop in pixels.
        crop_scale, smoothing: see `crop_geometry`.
        detector: the landmark detector and its settings.
        pin: hash of its weights, see `make_detector`.
    """

    size: int
    crop_scale: float
    smoothing: float
    detector: DetectorConfig
    pin: str | None = None


def find_speaker_in_footage(
    face: Description,
    footage: Footage,
    limit: int,
    track: int | None,
    device: str,
    warn: Callable[[str], None],
    tick: StepsDone,
) -> FootageFace:
    """Find a trained face's speaker in the first pictures of some footage.

    Args:
        face: what the face is: its crop rule and detector, and where the speaker was in the training footage.
        footage, limit, device, tick: see `find_face_in_footage`.
        track, warn: see `choose_face.make_chooser`.

    Raises:
        UserError: see `find_face_in_footage`.
    """
    rule = CropRule(
        face.size, face.crop_scale, face.smoothing_seconds, face.detector, face.weights.fan2d if face.weights else None
    )
    position = face.speaker.face_position
    choose = make_chooser((position[0], position[1], position[2]) if position else None, track, warn)
    return find_face_in_footage(footage, limit, rule, choose, device, tick)


def find_face_in_footage(
    footage: Footage, limit: int, rule: CropRule, choose: FaceChooser, device: str, tick: StepsDone
) -> FootageFace:
    """Find the face in the first pictures of the footage, in two streaming passes: tracking, then landmarks.

    Args:
        footage: base footage.
        limit: how many pictures are needed at most.
        rule: crops and detector of the trained face.
        choose: which of several faces is followed.
        device: where the detector runs.
        tick: called with the number of pictures just done, twice for every picture.

    Raises:
        UserError: no face is found in any picture.
    """

    def counted(stream: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for image in stream:
            yield image
            tick(1)

    changes: list[float] = []
    workers = worker_count(min(limit, footage.expected) // (8 * PIECE_PICTURES))
    with worker_processes(workers) as executor:
        clip_faces = next(track_faces([measure_changes(counted(footage.scan(limit)), changes)], executor, workers))
    if not clip_faces.tracks:
        raise UserError(
            f"{footage.path}: no face found in any of its {clip_faces.count} frames; give footage with one face "
            "of at least 1/20 of the picture's longer side"
        )
    power = footage.power(clip_faces.count) if clip_faces.several else None
    track = clip_faces.track(choose(clip_faces, power, footage.fps))
    stamps = footage.stamps
    shots = find_shots(changes, track)
    geometry = shot_geometry(track, shots, rule.size, rule.crop_scale, rule.smoothing, footage.fps)
    images = counted(footage.scan(limit))
    crops = (
        cut_crop(image, transform, rule.size) for image, transform in zip(images, geometry.transforms, strict=True)
    )
    samples = {index: np.zeros(0, np.uint8) for index in _samples(geometry.valid, shots)}
    points, scores = detect_landmarks(_kept(crops, samples), geometry.regions, rule.detector, device, rule.pin)
    seen = geometry.valid & (scores >= MIN_SCORE)
    landmarks, valid = np.empty_like(points, np.float32), np.zeros(len(seen), bool)
    for part in shot_slices(shots):
        landmarks[part], valid[part], _ = clean_shot(points[part], seen[part], rule.detector)
    valid &= geometry.valid  # what was filled in where no face was found is not painted on
    descriptors: list[list[np.ndarray]] = [[] for _ in range(int(shots[-1]) + 1)]
    for index, crop in samples.items():
        if valid[index]:
            descriptors[shots[index]].append(upper_face_descriptor(crop, landmarks[index]))
    return FootageFace(
        geometry.transforms, landmarks, valid, stamps, shots, np.stack([mean_descriptor(shot) for shot in descriptors])
    )


def _samples(valid: np.ndarray, shots: np.ndarray) -> list[int]:
    """Pictures in which the face of every shot is looked at, evenly spread over its usable ones."""
    usable = (part.start + np.flatnonzero(valid[part]) for part in shot_slices(shots))
    spread = (some[np.unique(np.linspace(0, len(some) - 1, _SAMPLED).astype(int))] for some in usable if len(some))
    return [int(index) for some in spread for index in some]


def _kept(crops: Iterator[np.ndarray], samples: dict[int, np.ndarray]) -> Iterator[np.ndarray]:
    """The same crops; keeps small copies of those that are named."""
    for index, crop in enumerate(crops):
        if index in samples:
            samples[index] = cv2.resize(crop, (DESCRIPTOR_CROP, DESCRIPTOR_CROP), interpolation=cv2.INTER_AREA)
        yield crop
