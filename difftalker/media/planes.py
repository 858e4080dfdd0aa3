"""Pictures as their file stores them: colour planes that are changed only where something is painted.

Converting a picture to RGB and back changes nearly every pixel a little. Here the planes stay, and what is painted is
added to them as a difference; where the difference is zero they keep every bit, at any depth and chroma format.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np

from difftalker.media.convert import FrameConverter
from difftalker.media.orientation import Orientation

# Red and blue weights of luma, by FFmpeg's number of the colour space; unknown ones count as BT.601, as its converter
# takes them.
_LUMA = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593), 4: (0.30, 0.11), 7: (0.212, 0.087)}
_BT601 = (0.299, 0.114)
_FULL = 2  # FFmpeg's number of the full range

PictureArea = tuple[slice, slice]  # rows and columns


@dataclass
class Picture:
    """One upright picture.

    Attributes:
        planes: three arrays (rows, columns), uint8 or uint16: Y, U, V, or G, B, R.
        format: FFmpeg's name of the planar pixel format.
        rgb: (h, w, 3) uint8, what the networks see.
        colour: FFmpeg's numbers of colour space, range, primaries and transfer.
    """

    planes: list[np.ndarray]
    format: str
    rgb: np.ndarray
    colour: tuple[int, int, int, int]

    @property
    def depth(self) -> int:
        """Bits per sample."""
        return int(av.VideoFormat(self.format, 2, 2).components[0].bits)

    def add(self, area: PictureArea, difference: np.ndarray) -> None:
        """Add a difference of colours to a part of the picture.

        Args:
            area: rows and columns, beginning at even ones.
            difference: (rows, columns, 3) float32, red, green, blue in steps of 1/255 of the full scale. Where it is
                zero the planes stay as they are, and chroma samples that such a pixel shares too.
        """
        unit = (2**self.depth - 1) / 255
        red, green, blue = (difference[..., i] * np.float32(unit) for i in range(3))
        if self.format.startswith("gbr"):
            for plane, delta in zip(self.planes, (green, blue, red), strict=True):
                _add(plane[area], delta)
            return
        kr, kb = _LUMA.get(self.colour[0], _BT601)
        full = self.colour[1] == _FULL
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        chroma = [(blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))]
        _add(self.planes[0][area], luma * (1.0 if full else 219 / 255))
        down, across = (-(-a // b) for a, b in zip(self.planes[0].shape, self.planes[1].shape, strict=True))
        rows, columns = area
        small = (
            slice(rows.start // down, -(-rows.stop // down)),
            slice(columns.start // across, -(-columns.stop // across)),
        )
        unchanged = (difference == 0).all(axis=2)
        for plane, delta in zip(self.planes[1:], chroma, strict=True):
            _add(plane[small], _reduce(delta * np.float32(1.0 if full else 224 / 255), unchanged, down, across))


def _add(plane: np.ndarray, delta: np.ndarray) -> None:
    top = np.iinfo(plane.dtype).max if plane.dtype == np.uint8 else None
    changed = np.rint(plane + delta).clip(0, top)
    plane[...] = np.where(delta != 0, changed, plane).astype(plane.dtype)


def _reduce(delta: np.ndarray, unchanged: np.ndarray, down: int, across: int) -> np.ndarray:
    """Mean over the pixels of each chroma sample; zero where one of them is unchanged."""
    if (down, across) == (1, 1):
        return delta
    height, width = delta.shape
    pad = ((0, -height % down), (0, -width % across))
    shape = ((height + pad[0][1]) // down, down, (width + pad[1][1]) // across, across)
    mean = np.pad(delta, pad, mode="edge").reshape(shape).mean(axis=(1, 3))
    return np.where(np.pad(unchanged, pad, mode="edge").reshape(shape).any(axis=(1, 3)), np.float32(0), mean)


def working_format(stored: str, lossless: bool) -> str:
    """The planar format to work in and to encode.

    Args:
        stored: pixel format of the file.
        lossless: keep chroma format and depth; otherwise what every player of H.264 understands (4:2:0, 8 or 10 bits).
    """
    kind = av.VideoFormat(stored, 16, 16)
    first = kind.components[0]
    if kind.is_rgb or kind.has_palette:
        return "gbrp" if lossless else "yuv420p"
    depth = "" if first.bits == 8 else "10le" if first.bits <= 10 or not lossless else f"{min(first.bits, 16)}le"
    if not lossless or len(kind.components) < 3:
        return f"yuv420p{depth}"
    down, across = (16 // kind.components[1].height, 16 // kind.components[1].width)
    chroma = {(2, 2): "420", (1, 2): "422", (1, 1): "444"}.get((down, across), "444")
    return f"yuv{chroma}p{depth}"


def from_frame(
    frame: av.VideoFrame, format: str, shown: Orientation, converter: FrameConverter | None = None
) -> Picture:
    """Read a decoded frame.

    Args:
        frame: as FFmpeg decodes it.
        format: planar format to convert to where it is not the frame's own, see `working_format`.
        shown: how it is turned and mirrored; frames of another size are scaled.
        converter: of the film that it is of.
    """
    converter = converter or FrameConverter()
    colour = (int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc))
    rgb = converter.rgb(frame, shown)
    if frame.format.name.startswith("yuvj"):
        colour = (colour[0], _FULL, *colour[2:])
    stored = frame.format.name.replace("yuvj", "yuv")
    if stored != format or (frame.width, frame.height) != (shown.width, shown.height):
        frame = converter.convert(frame, format, width=shown.width, height=shown.height)
    planes = [shown.upright(plane).copy() for plane in _arrays(frame)]
    return Picture(planes, format, rgb, colour)


def _arrays(frame: av.VideoFrame) -> list[np.ndarray]:
    dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    found = []
    for plane in frame.planes[:3]:
        lines = np.frombuffer(plane, np.uint8)[: plane.height * plane.line_size].reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
        found.append(lines.view(dtype)[:, : plane.width])
    return found


def to_frame(picture: Picture, even: bool) -> av.VideoFrame:
    """A frame to encode.

    Args:
        picture: the picture.
        even: repeat the last row and column of odd sizes, which H.264's halved colour planes need.
    """
    planes = picture.planes
    height, width = planes[0].shape
    if even and (height % 2 or width % 2) and picture.format.startswith("yuv420"):
        planes = [cv2.copyMakeBorder(planes[0], 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), *planes[1:]]
        height, width = planes[0].shape
    frame = av.VideoFrame(width, height, picture.format)
    for target, plane in zip(_arrays(frame), planes, strict=True):
        target[...] = plane
    frame.colorspace, frame.color_range = picture.colour[:2]
    frame.color_primaries, frame.color_trc = picture.colour[2:]
    return frame
