"""Crop rules: which part of a picture a sync expert sees. LSE figures of different rules are not comparable.

`pipeline`: the pipeline's own face crop. The trained expert knows no other.

`face_track`: the rule of syncnet_python (run_pipeline.py with its defaults), that of figures on whole pictures, such as
Wav2Lip's on real videos. A square around the face's box, 2.8 half sides wide: 1.4 to the left and right of the box's
centre, 1 above and 1.8 below it; half the longer side and the centre are medians over 13 frames; 110 grey beyond the
picture. The published pipeline takes boxes from the detector S3FD; here they are drawn around the 68 landmarks, and
the forehead is added. Its intermediate files (XVID, JPEG) are left out.

`lrs`: the rule of Wav2Lip's evaluation on LRS2, LRS3 and LRW: the whole picture, which in these sets is a face crop
already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

import cv2
import numpy as np
from scipy.signal import medfilt

from difftalker.errors import UserError

RuleName = Literal["pipeline", "face_track", "lrs"]

FACE_TRACK_SIDE = 224  # pixels of what `face_track` and `lrs` cut
FACE_TRACK_SCALE = 0.40  # the published `crop_scale`
MEDIAN_FRAMES = 13  # frames
PADDING_GREY = 110

_BROWS = slice(17, 27)
_CHIN, _NOSE_BASE = 8, 33


class SyncCrop(Protocol):
    """A crop rule, ready for the frames of a split.

    Attributes:
        title: what to call it beside a figure.
    """

    title: str

    def cut(self, index: int, crop: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """What the expert sees of frame `index`: of its face crop, or of its whole picture; (h, w, 3) uint8 RGB."""
        ...


class PipelineCrop:
    """Rule `pipeline`."""

    title = "the pipeline’s face crop"

    def cut(self, index: int, crop: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return crop


class LrsCrop:
    """Rule `lrs`."""

    title = "the whole picture, as Wav2Lip’s evaluation does on LRS (lrs)"

    def cut(self, index: int, crop: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return cv2.resize(whole, (FACE_TRACK_SIDE, FACE_TRACK_SIDE))


class FaceTrackCrop:
    """Rule `face_track`.

    Args:
        points: (n, 68, 2) landmarks in pixels of the whole pictures.
        runs: the frames of each run; medians do not reach across.
    """

    title = "syncnet_python’s face track, boxes around the landmarks (face_track)"

    def __init__(self, points: np.ndarray, runs: Iterable[slice]) -> None:
        boxes = face_boxes(points)
        half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
        self._track = np.concatenate([(boxes[:, 2:] + boxes[:, :2]) / 2, half], axis=1)  # (n, 3): x, y, half side
        for run in runs:
            self._track[run] = _medians(self._track[run])

    def cut(self, index: int, crop: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return face_track_cut(whole, *self._track[index])


def make_sync_crop(
    name: RuleName, landmarks: np.ndarray, transforms: np.ndarray, size: int, runs: Iterable[slice]
) -> SyncCrop:
    """The rule of that name for some frames.

    Args:
        name: see above.
        landmarks: (n, 68, 2), divided by the crop size.
        transforms: (n, 6) from pixels of the whole pictures to crop pixels.
        size: of the crop, pixels.
        runs: the frames of each run.
    """
    if name == "pipeline":
        return PipelineCrop()
    if name == "lrs":
        return LrsCrop()
    return FaceTrackCrop((landmarks * size - transforms[:, None, [2, 5]]) / transforms[:, None, [0, 4]], runs)


def check_rule(expert: str, name: RuleName) -> None:
    """Refuse a rule that the expert was not made for.

    Args:
        expert: `trained` or `official`.
        name: of the rule.

    Raises:
        UserError: the trained expert is asked to look at another crop than that of its training.
    """
    if expert == "trained" and name != "pipeline":
        raise UserError(f"crop rule {name}: the trained sync expert only knows the pipeline's crop; use 'pipeline'")


def face_boxes(points: np.ndarray) -> np.ndarray:
    """Boxes from cheek to cheek and from the chin to the hairline, as S3FD's training set draws them.

    Args:
        points: (n, 68, 2).

    Returns:
        (n, 4) x0, y0, x1, y1: as wide as the landmarks, from the chin up to the brows and by the height of the nose
        (brows to its base) above them.
    """
    x0, x1 = points[..., 0].min(axis=1), points[..., 0].max(axis=1)
    brows = points[:, _BROWS, 1].mean(axis=1)
    top = brows - (points[:, _NOSE_BASE, 1] - brows)
    return np.stack([x0, top, x1, points[:, _CHIN, 1]], axis=1)


def face_track_cut(picture: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """Cut the square of rule `face_track`.

    Args:
        picture: (h, w, 3) uint8.
        x, y: centre of the face's box in pixels.
        half: half its longer side.

    Returns:
        (224, 224, 3) uint8.
    """
    pad = int(
        half * (1 + 2 * FACE_TRACK_SCALE)
    )  # the published code pads, then cuts: whole pixels come out as they do there
    top, bottom = int(y + pad - half), int(y + pad + half * (1 + 2 * FACE_TRACK_SCALE))
    left, right = int(x + pad - half * (1 + FACE_TRACK_SCALE)), int(x + pad + half * (1 + FACE_TRACK_SCALE))
    padded = cv2.copyMakeBorder(
        picture, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(PADDING_GREY, PADDING_GREY, PADDING_GREY)
    )
    face = padded[max(top, 0) : bottom, max(left, 0) : right]
    return cv2.resize(face, (FACE_TRACK_SIDE, FACE_TRACK_SIDE))


def _medians(track: np.ndarray) -> np.ndarray:
    """Medians of (n, 3) over 13 frames, or fewer in a short run; beyond the ends there are zeros, as published."""
    width = min(MEDIAN_FRAMES, len(track) - (len(track) + 1) % 2)
    return np.stack([medfilt(column, width) for column in track.T], axis=1)
