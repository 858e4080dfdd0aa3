"""Frames of the demo speaker: the portrait warped by landmarks that follow speech and random head motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from demo_speaker import portrait
from demo_speaker.articulation import mouth_parameters
from demo_speaker.cavity import cavity_colours
from demo_speaker.eyes import draw_lids
from demo_speaker.motion import Motion, head_motion
from demo_speaker.mouth import AXES, ORIGIN, MouthShape, mouth_shape, smoothstep
from demo_speaker.speech import Phoneme, Speech
from demo_speaker.visemes import PARAMETERS
from demo_speaker.warp import backward_map

# How much of the jaw's drop each contour point takes (iBUG 0-16).
_JAW_SHARE = np.array([0, 0, 0, 0.04, 0.15, 0.42, 0.75, 0.95, 1, 0.95, 0.75, 0.42, 0.15, 0.04, 0, 0, 0])
# Standard deviation in output pixels of the blur of a lens and of the filter before a camera's sensor. A rendering
# without it has detail up to the pixel grid's limit, which no camera records; this one halves the contrast at 0.31
# cycles a pixel, as sharp cameras do.
_LENS_BLUR = 0.6
_LIP_U = np.array([-0.92, -0.78, -0.52, -0.25, 0.0, 0.25, 0.52, 0.78, 0.92])


@dataclass(frozen=True)
class FrameTruth:
    """What is drawn in one frame. landmarks: (68, 2) float32, iBUG order, output pixels; phoneme: at its time."""

    time_s: float
    landmarks: np.ndarray
    phoneme: str


@dataclass(frozen=True)
class _Pose:
    """Where head points go: portrait (x, y, depth) to output pixels, orthographic."""

    matrix: np.ndarray  # (2, 3)
    offset: np.ndarray  # (2,)
    sway: np.ndarray  # (2,), how far the whole person has moved, output pixels
    pixel_scale: float

    @classmethod
    def at(cls, motion: Motion, frame: int, size: int) -> _Pose:
        yaw, pitch, roll = motion.yaw[frame], motion.pitch[frame], motion.roll[frame]
        around_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        around_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
        around_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        rotation = motion.zoom[frame] * (around_z @ around_x @ around_y)[:2]
        scale = size / portrait.REGION[2]
        corner = np.array(portrait.REGION[:2]) - 0.5
        shift = np.array([motion.shift_x[frame], motion.shift_y[frame]])
        return cls(rotation * scale, (portrait.PIVOT + shift - corner) * scale - 0.5, shift * scale, scale)

    def head(self, points: np.ndarray, depth: np.ndarray | float) -> np.ndarray:
        """(n, 2) portrait points with their depth to (n, 2) output pixels."""
        depth = np.broadcast_to(depth, len(points))
        return np.concatenate([points - portrait.PIVOT, depth[:, None]], 1) @ self.matrix.T + self.offset

    def still(self, points: np.ndarray) -> np.ndarray:
        """The same for points that do not move at all."""
        return (points - np.array(portrait.REGION[:2]) + 0.5) * self.pixel_scale - 0.5


def _face_points(shape: MouthShape, jaw: float, brow: float) -> np.ndarray:
    """(68, 2) portrait coordinates of the face before the head's pose, with open eyes."""
    points = portrait.PORTRAIT_LANDMARKS.copy()
    down = AXES[1]
    points[:17] += _JAW_SHARE[:, None] * jaw * down
    points[17:27] -= np.array([0.7, 0.9, 1, 1, 0.9, 0.9, 1, 1, 0.9, 0.7])[:, None] * brow * down
    points[48:] = shape.landmarks()
    return points


def _with_blink(face: np.ndarray, blink: float) -> np.ndarray:
    """The same points with the upper lids lowered by the share `blink`."""
    points = face.copy()
    points[[37, 38, 43, 44]] += blink * (face[[41, 40, 47, 46]] - face[[37, 38, 43, 44]])
    return points


def _controls(
    pose: _Pose, face: np.ndarray, shape: MouthShape, jaw: float, upper: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Destination and source points of the map that carries the upper (or lower) lip, each (n, 2)."""
    body, share = portrait.BODY_POINTS[:, :2], portrait.BODY_POINTS[:, 2:3]
    # A dropping chin pushes the skin of the neck down a little.
    pushed = body + portrait.BODY_POINTS[:, 3:] * jaw * AXES[1]
    # Who moves the head aside moves the shoulders too; the background behind them stays.
    still = pose.still(pushed) + pose.sway
    border = portrait.border_points()
    sways = border[:, 1:] > portrait.SHOULDER_ROW
    hair = portrait.HEAD_POINTS
    if upper:
        borders = ((shape.outer_upper, portrait.UPPER_OUTER), (shape.inner_upper, portrait.UPPER_INNER))
    else:
        borders = ((shape.outer_lower, portrait.LOWER_OUTER), (shape.inner_lower, portrait.LOWER_INNER))
    corner_u = np.array([-1.0, 1.0])
    lips = [shape.points(method, _LIP_U) for method, _ in borders]
    lips.append(_lip_line(shape, corner_u))
    inner_ends = [portrait.border_curve(curve, corner_u) for curve in (portrait.UPPER_INNER, portrait.LOWER_INNER)]
    corners = (inner_ends[0] + inner_ends[1]) / 2
    destination = [
        pose.head(face[:48], portrait.DEPTH[:48]),
        pose.head(np.concatenate(lips), portrait.MOUTH_DEPTH),
        pose.head(hair[:, :2], hair[:, 2]),
        still + share * (pose.head(pushed, 0.0) - still),
        pose.still(border) + sways * pose.sway,
    ]
    source = [
        portrait.PORTRAIT_LANDMARKS[:48],
        *(portrait.border_curve(curve, _LIP_U) for _, curve in borders),
        corners,
        hair[:, :2],
        body,
        border,
    ]
    return np.concatenate(destination), np.concatenate(source)


def _lip_line(shape: MouthShape, u: np.ndarray) -> np.ndarray:
    """Portrait points on the line where both lips meet."""
    return (shape.points(shape.inner_upper, u) + shape.points(shape.inner_lower, u)) / 2


def _sample(image: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """The image at the coordinates of a backward map."""
    # With a two-channel first map the second one must be empty.
    return np.asarray(cv2.remap(image, backward, np.empty(0), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def _draw(
    pose: _Pose,
    face: np.ndarray,
    shape: MouthShape,
    jaw: float,
    tongue: float,
    blink: float,
    size: int,
    image: np.ndarray,
) -> np.ndarray:
    """One frame, (size, size, 3) float32, from the portrait `image` (uint8)."""
    mouth = pose.head(face[48:], portrait.MOUTH_DEPTH)[:, 1]
    # Rows above `first` show the upper map alone, rows from `last` on the lower one alone.
    first = int(np.clip(mouth.min() - 18 * pose.pixel_scale, 0, size - 1))
    last = int(np.clip(mouth.max() + 18 * pose.pixel_scale, first + 1, size))
    upper_map = backward_map(*_controls(pose, face, shape, jaw, True), (last, size))
    lower_map = backward_map(*_controls(pose, face, shape, jaw, False), (size - first, size), first)
    frame = np.empty((size, size, 3), np.float32)
    frame[:last] = _sample(image, upper_map)
    draw_lids(frame[:last], upper_map, image, blink)
    lower = _sample(image, lower_map)
    frame[last:] = lower[last - first :]

    # Local mouth coordinates: the pose restricted to the mouth's plane is affine.
    origin = pose.head(ORIGIN[None], portrait.MOUTH_DEPTH)[0]
    inverse = np.linalg.inv(pose.matrix[:, :2] @ AXES.T)
    x, y = np.arange(size) - origin[0], np.arange(first, last) - origin[1]
    s = inverse[0, 0] * x[None] + inverse[0, 1] * y[:, None]
    v = inverse[1, 0] * x[None] + inverse[1, 1] * y[:, None]

    u = s / shape.half_width
    top, bottom = shape.inner(np.clip(u, -1, 1))
    # Beside the mouth both maps show the same skin; they are blended over a band that widens from the corner.
    beside = np.maximum(np.abs(s) - shape.half_width, 0)
    soft = 0.45 + np.minimum(0.5 * beside, 6)
    below = smoothstep(0.5 + (v - (top + bottom) / 2) / (2 * soft))[..., None].astype(np.float32)
    region = frame[first:last]
    region += below * (lower[: last - first] - region)

    columns = np.abs(x) < (shape.half_width + 4) * pose.pixel_scale * 1.1
    rows = np.abs(y) < 22 * pose.pixel_scale
    window = np.ix_(rows, columns)
    s, v, top, bottom, u = s[window], v[window], top[window], bottom[window], u[window]
    colours = cavity_colours(s, v, shape, jaw, tongue, image)
    edge = 0.7
    opening = np.clip((v - top) / edge + 0.5, 0, 1) * np.clip((bottom - v) / edge + 0.5, 0, 1)
    opening *= smoothstep((bottom - top) / 0.8) * (np.abs(u) < 1)
    patch = region[window]
    # Where the lips touch, the line between them is in shadow.
    seam = np.exp(-(((v - (top + bottom) / 2) / 0.75) ** 2)) * smoothstep((1.02 - np.abs(u)) / 0.2)
    seam *= 1 - smoothstep((bottom - top) / 2.0)
    patch *= 1 - seam[..., None] * np.array([0.5, 0.62, 0.62], np.float32)
    patch += opening[..., None] * (colours - patch)
    region[window] = patch
    return frame


def speech_frame_count(speech: Speech, fps: float) -> int:
    """Frames of a video of `speech`: round(duration x fps)."""
    return round(speech.duration_s * fps)


def _phoneme_at(phonemes: tuple[Phoneme, ...], time: float) -> str:
    for phoneme in phonemes:
        if phoneme.start_s <= time < phoneme.end_s:
            return phoneme.name
    return phonemes[-1].name


def render_with_truth(
    speech: Speech, *, fps: float = 25, size: int = 288, seed: int = 0
) -> Iterator[tuple[np.ndarray, FrameTruth]]:
    """Yield each frame, (size, size, 3) uint8 RGB, with what is drawn in it.

    Frame i shows the time (i + 0.5) / fps, the middle of its display time. Head motion, blinks and brows come from
    `seed`, the mouth from the phonemes alone.
    """
    cv2.setNumThreads(1)
    times = (np.arange(speech_frame_count(speech, fps)) + 0.5) / fps
    motion = head_motion(seed, times)
    parameters = mouth_parameters(speech.phonemes, times)
    image = portrait.texture()
    for index, time in enumerate(times):
        shape = mouth_shape(parameters[index])
        jaw = float(parameters[index, PARAMETERS.index("jaw")])
        tongue = float(parameters[index, PARAMETERS.index("tongue")])
        blink = float(motion.blink[index])
        face = _face_points(shape, jaw, float(motion.brow[index]))
        pose = _Pose.at(motion, index, size)
        drawn = _draw(pose, face, shape, jaw, tongue, blink, size, image)
        drawn = cv2.GaussianBlur(drawn, (0, 0), _LENS_BLUR, borderType=cv2.BORDER_REPLICATE)
        frame = np.clip(drawn + 0.5, 0, 255).astype(np.uint8)
        points = pose.head(_with_blink(face, blink), portrait.DEPTH)
        yield frame, FrameTruth(float(time), points.astype(np.float32), _phoneme_at(speech.phonemes, float(time)))


def render_frames(speech: Speech, *, fps: float = 25, size: int = 288, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield the frames alone; see `render_with_truth`."""
    for frame, _ in render_with_truth(speech, fps=fps, size=size, seed=seed):
        yield frame
