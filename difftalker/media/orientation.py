"""How a file asks its player to turn, to mirror and to stretch its pictures."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av import VideoStream


@dataclass(frozen=True)
class Orientation:
    """How stored pictures are shown.

    Attributes:
        width, height: of a picture as stored, but with square pixels; none becomes smaller.
        turns: quarter turns counterclockwise, after mirroring.
        mirrored: whether the picture is mirrored from top to bottom.
    """

    width: int
    height: int
    turns: int = 0
    mirrored: bool = False

    def upright(self, image: np.ndarray) -> np.ndarray:
        """Show a stored image: (h, w, ...) to (h, w, ...) or (w, h, ...), contiguous."""
        if self.mirrored:
            image = image[::-1]
        return np.ascontiguousarray(np.rot90(image, self.turns) if self.turns else image)


def orientation_of(frame: av.VideoFrame, stream: VideoStream) -> Orientation:
    """Read it off a file's first frame.

    Later frames are not asked: their side data would keep every decoded picture in memory until Python's garbage
    collector runs.
    """
    width, height = frame.width, frame.height
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if ratio and 0.1 < ratio < 10:  # else it is not said, or nonsense
        width, height = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    # What is left of a mirroring matrix is the turn that FFmpeg tells.
    return Orientation(width, height, round(frame.rotation / 90) % 4, _is_mirrored(frame))


def _is_mirrored(frame: av.VideoFrame) -> bool:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(np.int64)  # type: ignore[call-overload]
    return bool(a * d < b * c)
