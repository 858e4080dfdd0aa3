"""A film as the reference of a comparison: where its face is, its landmarks, and which frames can be scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from difftalker.compute.parallel import worker_count, worker_processes
from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.evaluation.frame_table import FrameTable
from difftalker.face.crop import Geometry, cut_crop, mouth_in_lower_half
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.landmark_table import MIN_SCORE, clean_shot
from difftalker.face.mediapipe.region import upright_boxes
from difftalker.face.shots import find_shots, measure_changes, shot_geometry
from difftalker.face.tracking import PIECE_PICTURES, SpeakerTrack, largest_track, track_faces
from difftalker.media.decode import decode_frames


@dataclass(frozen=True)
class CropSettings:
    """How faces are cut for PSNR, SSIM, LD and sharpness.

    Attributes:
        kind: `face`: the pipeline's crop, laid on the reference's face; `none`: the pictures are face crops already.
        size: side of the crop in pixels (`face`).
        crop_scale: side of the crop in face widths (`face`).
        smoothing: standard deviation of the smoothing of its path in seconds (`face`).
    """

    kind: Literal["face", "none"] = "face"
    size: int = 256
    crop_scale: float = 1.7
    smoothing: float = 0.4


@dataclass(frozen=True)
class ReferenceFilm:
    """The frames of a film that can be scored, and where their face is.

    Attributes:
        path: the film.
        fps: frames per second at which it is read.
        width, height: of its pictures.
        size: side of the crop in pixels.
        rows: the frames; landmarks as the pipeline would find them. There are no audio features.
        transforms: (n, 6) from pixels of the picture to crop pixels, for each row.
        boxes: (frames, 4) the face in pixels of the picture, for every frame of the film; NaN where there is none.
    """

    path: Path
    fps: float
    width: int
    height: int
    size: int
    rows: FrameTable
    transforms: np.ndarray
    boxes: np.ndarray


def read_reference(
    path: Path,
    fps: float,
    count: int,
    crop: CropSettings,
    detector: DetectorConfig,
    device: str,
    pin: str | None = None,
) -> ReferenceFilm:
    """Follow the face through a film, cut its crops and detect its landmarks: two passes.

    Args:
        path: the film.
        fps: frames per second.
        count: frames to look at, from the first on.
        crop: how to cut.
        detector: finds the landmarks.
        device: where the detector runs.
        pin: see `make_detector`.

    Raises:
        UserError: there is no face, or no run of six frames can be scored.
    """
    track, shots = _track(path, fps, count)
    if not track.found.any():
        raise UserError(f"{path}: no face in any of its {len(track.found)} frames; give a film of one frontal face")
    if crop.kind == "none" and track.width != track.height:
        raise UserError(
            f"{path}: pictures of {track.width}x{track.height} are no square face crops; leave --crop none out"
        )
    size = track.width if crop.kind == "none" else crop.size
    geometry = _geometry(track, shots, crop, size, fps)
    images = (
        cut_crop(picture, transform, size)
        for picture, transform in zip(islice(decode_frames(path, fps), count), geometry.transforms, strict=True)
    )
    with tqdm(total=count, desc="landmarks", unit="frame", mininterval=1.0) as bar:
        points, scores = detect_landmarks(images, geometry.regions, detector, device, pin, progress=bar)
    points, valid, _ = clean_shot(points, geometry.valid & (scores >= MIN_SCORE), detector)
    chosen = np.flatnonzero(valid)
    rows = _rows(path, fps, chosen, points[chosen], geometry.regions[chosen])
    if all(run.stop - run.start < 6 for run in rows.runs()):
        raise UserError(f"{path}: no six frames with a usable face follow each other; give a longer or clearer film")
    boxes = np.where(track.found[:, None], upright_boxes(track.regions), np.nan)
    return ReferenceFilm(path, fps, track.width, track.height, size, rows, geometry.transforms[chosen], boxes)


def _track(path: Path, fps: float, count: int) -> tuple[SpeakerTrack, np.ndarray]:
    """The largest face, and the number of every picture's shot."""

    def counted() -> Iterator[np.ndarray]:
        with tqdm(total=count, desc="find the face", unit="frame", mininterval=1.0) as bar:
            for picture in islice(decode_frames(path, fps), count):
                yield picture
                bar.update()

    workers = worker_count(count // (4 * PIECE_PICTURES))
    changes: list[float] = []
    with worker_processes(workers) as executor:
        clip_faces = next(track_faces([measure_changes(counted(), changes)], executor, workers))
    track = clip_faces.track(largest_track(clip_faces.tracks))
    return track, find_shots(changes, track)


def _geometry(track: SpeakerTrack, shots: np.ndarray, crop: CropSettings, size: int, fps: float) -> Geometry:
    geometry = shot_geometry(track, shots, size, crop.crop_scale, crop.smoothing, fps)
    if crop.kind == "face":
        return geometry
    scale, shift = geometry.transforms[:, [0]], geometry.transforms[:, [2, 5]]
    regions = geometry.regions.copy()
    regions[:, :2] -= shift
    regions[:, :3] /= scale
    whole = np.tile([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], (len(regions), 1))
    return Geometry(whole, regions, track.found & mouth_in_lower_half(track.points, size))


def _rows(path: Path, fps: float, frames: np.ndarray, landmarks: np.ndarray, regions: np.ndarray) -> FrameTable:
    n = len(frames)
    return FrameTable(
        recording=np.full(n, str(path.parent)),
        clip=np.full(n, path.stem),
        frame=frames,
        time=frames / fps,
        row=frames,
        landmarks=landmarks,
        features=np.zeros((n, 16, 29), np.float32),
        region=regions,
        run=np.cumsum(np.diff(frames, prepend=frames[:1]) > 1),
    )
