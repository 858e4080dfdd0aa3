"""The face crop: where it lies in every picture, and how it is cut out.

The same similarity transforms serve training and inference, and `paste` inverts them. Pixel centres are at integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from difftalker.face.topology import CONTOUR, JAW_ENDS, MOUTH, NOSE_BASE
from difftalker.face.tracking import SpeakerTrack

_REGION_SMOOTHING = 6.0  # pictures; the region follows the head, without the steps of single pictures

# Scale from which crops are interpolated, not averaged over areas: averages take a third of the mouth's sharpness.
_DIRECT = 0.5


@dataclass(frozen=True)
class Geometry:
    """The crops of n successive pictures.

    Attributes:
        transforms: (n, 6) float64, [a, b, tx, c, d, ty] from source pixels to crop pixels.
        regions: (n, 4) float32, the face's region in crop pixels, smoothed (`difftalker.face.mediapipe.region`).
        valid: (n,) bool: a face was found, its mouth lies wholly in the lower half of the crop and in the picture, and
            its lower contour in the crop.
    """

    transforms: np.ndarray
    regions: np.ndarray
    valid: np.ndarray


def face_width(points: np.ndarray) -> np.ndarray:
    """Distance of the upper ends of the jaw line, (..., 68, 2) -> (...), in the points' units."""
    ends = points[..., JAW_ENDS[1], :] - points[..., JAW_ENDS[0], :]
    return np.asarray(np.linalg.norm(ends, axis=-1))


def crop_geometry(
    track: SpeakerTrack, face: float, size: int, crop_scale: float, smoothing: float, fps: float
) -> Geometry:
    """Lay the crops of one shot; see `shots.shot_geometry` for all shots of a film.

    The scale is fixed; the middle of the jaw line's ends is the middle column and the nose base (point 33) is row
    size / 2, both smoothed over time without delay. Pictures without a face take their place from their neighbours.

    Args:
        track: the shot's face; at least one picture must have one.
        face: its usual width in source pixels.
        size: side of the crop in pixels.
        crop_scale: side of the crop in face widths.
        smoothing: standard deviation of the smoothing in seconds.
        fps: pictures per second.
    """
    scale = size / (crop_scale * face)
    index = np.arange(len(track.found))
    known = np.flatnonzero(track.found)

    def fill(values: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(index, known, column) for column in values[known].T], axis=1)

    def smooth(values: np.ndarray, width: float) -> np.ndarray:
        return gaussian_filter1d(values, width, axis=0, mode="reflect") if width > 0 else values

    middle = track.points[:, JAW_ENDS, 0].mean(axis=1)
    anchor = smooth(fill(np.stack([middle, track.points[:, NOSE_BASE, 1]], axis=1)), smoothing * fps)
    target = np.array([(size - 1) / 2, size / 2])
    shift = target - scale * anchor  # (n, 2)
    transforms = np.zeros((len(index), 6))
    transforms[:, 0] = transforms[:, 4] = scale
    transforms[:, [2, 5]] = shift

    regions = smooth(fill(track.regions), _REGION_SMOOTHING)
    regions[:, :3] *= scale
    regions[:, :2] += shift

    source = track.points
    limit = np.array([track.width - 1, track.height - 1])
    in_picture = ((source[:, MOUTH] >= 0) & (source[:, MOUTH] <= limit)).all(axis=(1, 2))
    crop = scale * source + shift[:, None]
    contour = crop[:, CONTOUR]
    in_crop = ((contour >= 0) & (contour <= size - 1)).all(axis=(1, 2))
    valid = track.found & in_picture & in_crop & mouth_in_lower_half(crop, size)
    return Geometry(transforms, regions.astype(np.float32), valid)


def mouth_in_lower_half(points: np.ndarray, size: float) -> np.ndarray:
    """Whether all mouth points lie below row size / 2 and inside the crop: (n, 68, 2) crop units -> (n,) bool."""
    mouth = points[:, MOUTH]
    inside = ((mouth >= 0) & (mouth <= size)).all(axis=(1, 2))
    return np.asarray(inside & (mouth[..., 1] > size / 2).all(axis=1))


def cut_crop(frame: np.ndarray, transform: np.ndarray, size: int) -> np.ndarray:
    """Cut a crop out of a picture.

    Args:
        frame: (h, w, 3) uint8 RGB.
        transform: (6,) from source to crop pixels.
        size: side of the crop.

    Returns:
        (size, size, 3) uint8, by Lanczos interpolation over 8 x 8 pixels; where the picture is reduced to less than
        half, a crop pixel is the mean over the area it covers. Beyond the picture's edge its last pixels are repeated.
    """
    matrix = np.asarray(transform, np.float64).reshape(2, 3)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    factor = 1 if scale >= _DIRECT else math.ceil(1 / scale)  # finer grid, then averaged
    fine = factor * matrix
    fine[:, 2] += (factor - 1) / 2
    side = (size * factor, size * factor)
    crop = cv2.warpAffine(frame, fine, side, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return crop if factor == 1 else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
