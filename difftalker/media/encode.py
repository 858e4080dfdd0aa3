"""MP4 files that play in a browser: H.264 (yuv420p) with AAC sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from difftalker.files import replacing
from difftalker.media.convert import FrameConverter
from difftalker.media.wav import AUDIO_RATE

METADATA_KEYS = frozenset({"title", "comment", "artist", "description", "copyright", "genre", "date"})

_QUALITY = "16"  # x264's constant rate factor: no loss that the eye sees
_AUDIO_BITS = 96_000  # per second
_BT709 = 1  # number of the colour space, primaries and transfer in the stream


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    samples: np.ndarray | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write pictures and sound. The file is whole or absent, and the same input gives the same bytes.

    Args:
        path: an `.mp4` file.
        frames: (h, w, 3) uint8 RGB, all of one size, streamed. Odd sizes gain a repeated last row or column, which
            H.264's halved colour planes need.
        fps: pictures per second.
        samples: (n,) int16, mono, 16 kHz, starting with the first picture; none for a silent file.
        metadata: texts to store, with keys of `METADATA_KEYS` (others would be dropped by the format).

    Raises:
        ValueError: there is no picture, their sizes differ, or a metadata key is not one of the format's.
    """
    unknown = set(metadata or {}) - METADATA_KEYS
    if unknown:
        raise ValueError(f"metadata keys {sorted(unknown)} are not among {sorted(METADATA_KEYS)}")
    rate = Fraction(fps).limit_denominator(1001)
    with (
        replacing(path) as partial,
        av.open(str(partial), "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        container.metadata.update(metadata or {})
        video: av.VideoStream | None = None
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono") if samples is not None else None
        if audio is not None:
            audio.bit_rate = _AUDIO_BITS
        size: tuple[int, ...] = ()
        sent = 0  # samples
        converter = FrameConverter()
        for index, image in enumerate(frames):
            if video is None:
                size = image.shape
                video = _video_stream(container, rate, size)
            if image.shape != size:
                raise ValueError(f"picture {index} has shape {image.shape}, the first has {size}")
            container.mux(video.encode(_picture(image, index, converter)))
            if audio is not None and samples is not None:  # sound beside the pictures, so that players need not seek
                until = round((index + 1) * AUDIO_RATE / fps)
                sent = _send(container, audio, samples, sent, min(until, len(samples)))
        if video is None:
            raise ValueError("a video needs at least one picture")
        if audio is not None and samples is not None:
            _send(container, audio, samples, sent, len(samples))
            container.mux(audio.encode(None))
        container.mux(video.encode(None))


def _video_stream(container: av.container.OutputContainer, rate: Fraction, size: tuple[int, ...]) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=rate, options={"crf": _QUALITY, "preset": "medium"})
    stream.width, stream.height = size[1] + size[1] % 2, size[0] + size[0] % 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = 1  # the bytes depend on the number of threads
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = 1  # limited
    return stream


def _picture(image: np.ndarray, index: int, converter: FrameConverter) -> av.VideoFrame:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame = converter.convert(frame, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    frame.pts = index
    return frame


def _send(
    container: av.container.OutputContainer, audio: av.AudioStream, samples: np.ndarray, start: int, end: int
) -> int:
    if end > start:
        piece = np.ascontiguousarray(samples[start:end], dtype=np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        frame.pts = start
        container.mux(audio.encode(frame))
    return max(start, end)
