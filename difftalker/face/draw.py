"""Pictures of completed landmarks: over the face crop that they belong to, and alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from difftalker.face.topology import CONTOUR, INNER_LIPS, MOUTH, POLYLINES

PANEL_SIDE = 384  # pixels of each of the two panels
FOOTER_HEIGHT = 32  # pixels of the line below them

RgbColour = tuple[int, int, int]

_BACKGROUND: RgbColour = (17, 24, 39)
_TEXT: RgbColour = (203, 213, 225)
_TRACK: RgbColour = (55, 65, 81)
_CAVITY: RgbColour = (94, 16, 40)
_COLOURS: dict[str, RgbColour] = {
    "contour": (226, 232, 240),
    "brows": (251, 191, 36),
    "nose": (74, 222, 128),
    "eyes": (56, 189, 248),
    "outer_lips": (251, 91, 113),
    "inner_lips": (253, 186, 196),
}
_SHIFT = 4  # OpenCV takes fixed-point coordinates: 1/16 pixel
_REPLACED = 0.45  # brightness of the crop's lower half, which will be painted anew


def draw_landmarks(canvas: np.ndarray, landmarks: np.ndarray, dots: bool = False) -> None:
    """Draw a face's lines into a picture, in place.

    Args:
        canvas: (side, side, 3) uint8 RGB.
        landmarks: (68, 2), divided by the crop size.
        dots: also mark the completed points.
    """
    side = len(canvas)
    fixed = np.rint(np.clip(landmarks * side - 0.5, -side, 2 * side) * 2**_SHIFT).astype(np.int32)
    thickness = max(1, round(side / 192))
    cv2.fillPoly(canvas, fixed[INNER_LIPS].reshape(1, -1, 2), _CAVITY, cv2.LINE_AA, _SHIFT)
    for region, lines in POLYLINES.items():
        for indices, closed, _ in lines:
            line = fixed[list(indices)].reshape(1, -1, 2)
            cv2.polylines(canvas, line, closed, _COLOURS[region], thickness, cv2.LINE_AA, _SHIFT)
    if dots:
        radius = max(2, round(side / 128)) * 2**_SHIFT
        for index in (*CONTOUR, *MOUTH):
            centre = (int(fixed[index, 0]), int(fixed[index, 1]))
            cv2.circle(canvas, centre, radius, _COLOURS[_region(index)], -1, cv2.LINE_AA, _SHIFT)


def _region(index: int) -> str:
    return next(name for name, lines in POLYLINES.items() if any(index in indices for indices, _, _ in lines))


def preview_frame(crop: np.ndarray, landmarks: np.ndarray | None, note: str, progress: float) -> np.ndarray:
    """One picture: the crop with the lines over it, the lines alone, a text and a time bar below.

    Args:
        crop: (size, size, 3) uint8 RGB; best of the size SIDE.
        landmarks: (68, 2), divided by the crop size; None where the source's own picture will stay.
        note: text of the footer, ASCII.
        progress: filled part of the time bar, in [0, 1].

    Returns:
        (SIDE + FOOTER, 2 * SIDE, 3) uint8 RGB.
    """
    canvas = np.full((PANEL_SIDE + FOOTER_HEIGHT, 2 * PANEL_SIDE, 3), _BACKGROUND, np.uint8)
    left, right, footer = canvas[:PANEL_SIDE, :PANEL_SIDE], canvas[:PANEL_SIDE, PANEL_SIDE:], canvas[PANEL_SIDE:]
    method = cv2.INTER_AREA if len(crop) > PANEL_SIDE else cv2.INTER_CUBIC
    left[:] = cv2.resize(crop, (PANEL_SIDE, PANEL_SIDE), interpolation=method)
    if landmarks is not None:
        left[PANEL_SIDE // 2 :] = np.rint(_REPLACED * left[PANEL_SIDE // 2 :]).astype(np.uint8)
        for panel, dots in ((left, False), (right, True)):
            drawn = np.ascontiguousarray(panel)
            draw_landmarks(drawn, landmarks, dots)
            panel[:] = drawn
    footer[:2] = _TRACK
    footer[:2, : round(progress * 2 * PANEL_SIDE)] = _COLOURS["eyes"]
    text = np.ascontiguousarray(footer)
    cv2.putText(text, note, (12, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
    footer[:] = text
    return canvas


def preview_frames(
    crops: Iterable[np.ndarray], landmarks: np.ndarray, valid: np.ndarray, fps: float
) -> Iterator[np.ndarray]:
    """Pictures of a whole track, streamed.

    Args:
        crops: n face crops (size, size, 3) uint8 RGB.
        landmarks: (n, 68, 2), divided by the crop size.
        valid: (n,) bool: frames that will be painted.
        fps: frames per second.

    Yields:
        See `preview_frame`; the footer gives the time and the row of the landmark file.
    """
    count = len(landmarks)
    for index, crop in enumerate(crops):
        seconds = index / fps
        note = f"{int(seconds // 60)}:{seconds % 60:05.2f}   frame {index} of {count}"
        if not valid[index]:
            note += "   no usable face: the source's picture stays"
        yield preview_frame(crop, landmarks[index] if valid[index] else None, note, (index + 1) / count)
