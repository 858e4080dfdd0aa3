"""Pictures, videos and landmark drawings inside the page, so that it needs no other file."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np

from difftalker.face.topology import CONTOUR, MOUTH, POLYLINES
from difftalker.tables import encode_image

LARGEST_SIDE = 320  # pixels a side of an embedded picture

GIVEN_COLOUR, COMPLETED_COLOUR, TRUTH_COLOUR = "#aab4c4", "var(--made)", "var(--truth)"

_CONTOUR_LINE = tuple(range(CONTOUR[0] - 1, CONTOUR[-1] + 2))  # joined to the given points on both sides


def image_uri(image: np.ndarray) -> str:
    """An RGB image (h, w, 3) uint8 as JPEG, reduced to at most `LARGEST_SIDE` pixels a side."""
    factor = LARGEST_SIDE / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return data_uri(encode_image(image, "jpeg"), "image/jpeg")


def video_uri(path: Path) -> str:
    """An MP4 file."""
    return data_uri(path.read_bytes(), "video/mp4")


def data_uri(data: bytes, kind: str) -> str:
    """Bytes of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def completed_lines(landmarks: np.ndarray, colour: str, dots: bool = False) -> str:
    """The points that the network completes: lower contour and mouth.

    Args:
        landmarks: (68, 2), divided by the crop size.
        colour: of the lines.
        dots: also mark every point.
    """
    lines = [(_CONTOUR_LINE, False), *((i, c) for name in ("outer_lips", "inner_lips") for i, c, _ in POLYLINES[name])]
    return _svg(landmarks, lines, colour, [*CONTOUR, *MOUTH] if dots else [])


def given_lines(landmarks: np.ndarray) -> str:
    """The points that the network is given: upper contour, brows, eyes and nose."""
    lines: list[tuple[tuple[int, ...], bool]] = [(tuple(range(0, 4)), False), (tuple(range(13, 17)), False)]
    lines += [(indices, closed) for name in ("brows", "nose", "eyes") for indices, closed, _ in POLYLINES[name]]
    return _svg(landmarks, lines, GIVEN_COLOUR, [])


def _svg(landmarks: np.ndarray, lines: list[tuple[tuple[int, ...], bool]], colour: str, dots: list[int]) -> str:
    place = 100.0 * landmarks
    shapes = []
    for index, closed in lines:
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in place[list(index)])
        shapes.append(f'<{"polygon" if closed else "polyline"} points="{points}"/>')
    marks = [f'<circle cx="{x:.2f}" cy="{y:.2f}" r="0.9" style="fill:{colour};stroke:none"/>' for x, y in place[dots]]
    look = f"fill:none;stroke:{colour};stroke-width:0.9;stroke-linejoin:round;stroke-linecap:round"
    return f'<svg viewBox="0 0 100 100" style="{look}" aria-hidden="true">{"".join(shapes + marks)}</svg>'
