"""Encoding in segments that stand alone, so that an interrupted film can go on and end in the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av

from difftalker.errors import UserError
from difftalker.files import replacing
from difftalker.media.convert import FrameConverter
from difftalker.media.planes import Picture, to_frame

Codec = Literal["h264", "lossless"]

_THREADS = 4  # fixed: the bytes depend on it
_SUFFIXES = (".mp4", ".mov", ".mkv")


@dataclass(frozen=True)
class Encoding:
    """How pictures are encoded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        options: its options.
        pixels: pixel format that it takes.
        even: whether odd sizes gain a row or column.
    """

    encoder: str
    options: dict[str, str]
    pixels: str
    even: bool


def check_suffix(output: Path) -> None:
    """Refuse a file name that says no container.

    Raises:
        UserError: the suffix is none of .mp4, .mov and .mkv.
    """
    if output.suffix.lower() not in _SUFFIXES:
        raise UserError(f"{output}: name the output {', '.join(_SUFFIXES)}")


def choose_encoding(codec: Codec, working: str, output: Path) -> Encoding:
    """The encoder for a film.

    H.264 at constant quality without loss that the eye sees; lossless is FFV1 in Matroska and lossless H.264 elsewhere.

    Args:
        codec: what the user asked for.
        working: the format of the pictures, see `planes.working_format`.
        output: the film's name.

    Raises:
        UserError: the container cannot hold it.
    """
    if codec == "h264":
        return Encoding("libx264", {"crf": "16", "preset": "medium", "bf": "0"}, working, True)
    if output.suffix.lower() == ".mkv":
        options = {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
        return Encoding("ffv1", options, "bgr0" if working == "gbrp" else working, False)
    if working == "gbrp" or not working.endswith(("p", "p10le")):
        raise UserError(f"{output}: lossless pictures of the format {working} need Matroska; name the output .mkv")
    return Encoding("libx264", {"qp": "0", "preset": "medium", "bf": "0"}, working, True)


def write_segment(path: Path, pictures: Iterable[Picture], encoding: Encoding, rate: Fraction) -> int:
    """Encode pictures into a Matroska file of their own, whole or absent.

    Returns:
        How many there were; with none, no file is written.
    """
    count = 0
    converter = FrameConverter()
    with replacing(path) as partial:
        container: av.container.OutputContainer | None = None
        stream: av.VideoStream | None = None
        try:
            for picture in pictures:
                frame = to_frame(picture, encoding.even)
                if frame.format.name != encoding.pixels:
                    frame = converter.convert(frame, encoding.pixels)
                if container is None or stream is None:
                    container = av.open(str(partial), "w", format="matroska", options={"fflags": "+bitexact"})
                    stream = _stream(container, encoding, rate, frame, picture.colour)
                frame.pts, frame.time_base = count, 1 / rate
                container.mux(stream.encode(frame))
                count += 1
            if container is not None and stream is not None:
                container.mux(stream.encode(None))
        finally:
            if container is not None:
                container.close()
        if not count:
            partial.touch()
    if not count:
        path.unlink()
    return count


def _stream(
    container: av.container.OutputContainer,
    encoding: Encoding,
    rate: Fraction,
    frame: av.VideoFrame,
    colour: tuple[int, int, int, int],
) -> av.VideoStream:
    options = dict(encoding.options)
    if encoding.encoder == "ffv1" and 3 in (frame.width % 4, frame.height % 4):
        options["slices"] = "1"  # FFmpeg refuses to halve the colour planes of such sizes
    stream = container.add_stream(encoding.encoder, rate=rate, options=options)
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{encoding.encoder} is no video encoder")
    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, encoding.pixels
    context = stream.codec_context
    context.thread_count = _THREADS
    context.time_base = 1 / rate
    if encoding.pixels != "bgr0":
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = colour
    return stream
