"""The base footage: read once from end to end, then in any part, forwards or backwards, with little memory."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from difftalker.errors import UserError
from difftalker.face.active_speaker import picture_power
from difftalker.media.convert import FrameConverter
from difftalker.media.decode import at_constant_rate, decode_audio, timed_frames
from difftalker.media.orientation import orientation_of
from difftalker.media.planes import Picture, from_frame, working_format
from difftalker.media.probe import open_video, picture_of
from difftalker.media.wav import AUDIO_RATE

_RATES = (1, 120)  # frames per second that an output may have
_HELD = 96 * 2**20  # bytes of pictures held to show them backwards
_BEFORE = 1.0  # seconds before a picture at which reading begins, so that what it depends on is there


class Footage:
    """A video file on a constant time base of its own rate.

    Args:
        path: the file.
        lossless: see `planes.working_format`.

    Attributes:
        rate: frames per second.
        shown: how its pictures are turned, mirrored and stretched.
        format: pixel format to work in.
        expected: number of pictures by the container's word; 0 if it does not say.
        has_alpha: whether there is an alpha channel, which is left out.

    Raises:
        UserError: the file cannot be read or holds no picture.
    """

    def __init__(self, path: str | Path, lossless: bool = False) -> None:
        self.path = Path(path)
        with open_video(self.path) as container:
            stream = picture_of(container)
            first = next(container.decode(stream), None)
            if first is None:
                raise UserError(f"{self.path}: no picture can be decoded; export it again as MP4 (H.264)")
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25).limit_denominator(1001)
            self.shown = orientation_of(first, stream)
            self.format = working_format(first.format.name, lossless)
            self.expected = stream.frames or round(float((container.duration or 0) / 1e6 * self.rate))
            self.has_alpha = any(component.is_alpha for component in first.format.components)
        self.rate = min(max(self.rate, Fraction(_RATES[0])), Fraction(_RATES[1]))
        self._stamps: list[int] = []

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.rate)

    @property
    def stamps(self) -> np.ndarray:
        """The file's own time stamp of every picture, (n,) int64; known after `scan`."""
        return np.array(self._stamps, np.int64)

    def index(self) -> np.ndarray:
        """Time stamps of all pictures without decoding them, (n,) int64: what a whole `scan` finds."""
        with open_video(self.path) as container:
            stream = picture_of(container)
            unit = float(stream.time_base or 1)
            lengths = {
                packet.pts: (packet.duration or 0) * unit
                for packet in container.demux(stream)
                if packet.pts is not None and packet.size and not packet.is_discard
            }
        stored = sorted(lengths)
        timed = (((stamp - stored[0]) * unit, lengths[stamp] or 1 / self.fps, stamp) for stamp in stored)
        return np.array(list(at_constant_rate(self.path, timed, self.fps)), np.int64)

    def power(self, count: int) -> np.ndarray | None:
        """Mean power of the file's own sound during its first pictures, (count,) float64; None without usable sound."""
        try:
            samples = np.concatenate(list(decode_audio(self.path, round(count / self.fps * AUDIO_RATE))))
        except UserError:
            return None
        return picture_power(samples, count, self.fps)

    def restore(self, stamps: np.ndarray) -> None:
        """Take the time stamps of an earlier scan."""
        self._stamps = [int(stamp) for stamp in stamps]

    def scan(self, limit: int) -> Iterator[np.ndarray]:
        """Stream the first pictures, upright, (h, w, 3) uint8 RGB, and note where they are.

        Args:
            limit: how many at most.
        """
        self._stamps = []
        shown: tuple[int, np.ndarray] | None = None
        converter = FrameConverter()
        timed = ((time, length, frame) for time, length, frame in timed_frames(self.path))
        for frame in islice(at_constant_rate(self.path, timed, self.fps), limit):
            stamp = _stamp(frame)
            if shown is None or shown[0] != stamp:
                shown = stamp, converter.rgb(frame, self.shown)
            self._stamps.append(stamp)
            yield shown[1]

    def show(self, order: np.ndarray) -> Iterator[Picture]:
        """Pictures in the given order, (n,) indices of which successive ones differ by at most one."""
        start = 0
        while start < len(order):
            end = start + 1
            step = int(order[end] - order[start]) if end < len(order) else 0
            while end < len(order) and order[end] - order[end - 1] == step:
                end += 1
            part = order[start:end]
            if step >= 0:
                yield from self.read(part)
            else:
                yield from self._backwards(part)
            start = end

    def _backwards(self, part: np.ndarray) -> Iterator[Picture]:
        held = max(8, _HELD // (self.shown.width * self.shown.height * 6))
        for start in range(0, len(part), held):
            yield from reversed(list(self.read(part[start : start + held][::-1])))

    def read(self, indices: np.ndarray) -> Iterator[Picture]:
        """Pictures (n,) in ascending order; an index may be repeated."""
        wanted = [self._stamps[index] for index in indices]
        position = 0
        last: Picture | None = None
        converter = FrameConverter()
        for frame in self._from(wanted[0]):
            stamp = _stamp(frame)
            if position < len(wanted) and stamp == wanted[position]:
                last = from_frame(frame, self.format, self.shown, converter)
                while position < len(wanted) and wanted[position] == stamp:
                    yield Picture([plane.copy() for plane in last.planes], last.format, last.rgb, last.colour)
                    position += 1
            if position == len(wanted):
                return
        raise UserError(f"{self.path}: a picture that was there is gone; was the file changed meanwhile?")

    def _from(self, stamp: int) -> Iterator[av.VideoFrame]:
        """Frames from at least that time stamp on."""
        with open_video(self.path) as container:
            stream = picture_of(container)
            stream.thread_type = "AUTO"
            target = stamp - round(_BEFORE / float(stream.time_base or 1))
            if target > self._stamps[0]:
                container.seek(target, stream=stream)
                first = next(container.decode(stream), None)
                if first is not None and _stamp(first) <= stamp:
                    yield first
                    yield from container.decode(stream)
                    return
        with open_video(self.path) as container:  # the format cannot be searched: from the start
            stream = picture_of(container)
            stream.thread_type = "AUTO"
            yield from container.decode(stream)


def _stamp(frame: av.VideoFrame) -> int:
    return frame.pts if frame.pts is not None else -1
