"""Pixel formats of one film's frames, converted with tables that are made once.

A frame that is converted by itself makes libswscale's tables anew, which takes longer than to convert a picture.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from difftalker.media.orientation import Orientation


class FrameConverter:
    """Converts the frames of a film, one after the other; a thread needs its own."""

    def __init__(self) -> None:
        self._kept: dict[str, VideoReformatter] = {}

    def convert(self, frame: av.VideoFrame, format: str, **options: Any) -> av.VideoFrame:
        """The frame in another pixel format; options as those of `av.VideoFrame.reformat`."""
        if format not in self._kept:
            self._kept[format] = VideoReformatter()
        return self._kept[format].reformat(frame, format=format, **options)

    def rgb(self, frame: av.VideoFrame, shown: Orientation) -> np.ndarray:
        """The picture as it is shown, (h, w, 3) uint8 RGB."""
        found = self.convert(frame, "rgb24", width=shown.width, height=shown.height)
        return shown.upright(found.to_ndarray())
