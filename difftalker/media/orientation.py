"""How a file asks its player to turn, to mirror and to stretch its pictures."""

from __future__ import annotations

import av
import numpy as np
from av import VideoStream


def upright(image: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Show an image as its file asks for.

    Args:
        image: (h, w, ...), as stored.
        frame: the decoded frame that it comes from, with its display matrix.

    Returns:
        (h, w, ...) or (w, h, ...), contiguous.
    """
    if _is_mirrored(frame):
        image = image[::-1]  # what is left of the matrix is the turn that FFmpeg tells
    turns = round(frame.rotation / 90) % 4  # counterclockwise, as np.rot90 turns
    return np.ascontiguousarray(np.rot90(image, turns) if turns else image)


def square_size(frame: av.VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height of a stored picture when its pixels are made square; none of them becomes smaller."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not ratio or not 0.1 < ratio < 10:  # not said, or nonsense
        return frame.width, frame.height
    if ratio > 1:
        return round(frame.width * ratio), frame.height
    return frame.width, round(frame.height / ratio)


def _is_mirrored(frame: av.VideoFrame) -> bool:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(np.int64)  # type: ignore[call-overload]
    return bool(a * d < b * c)
