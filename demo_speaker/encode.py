"""Write the demo speaker as a video file with sound, and the truth of what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo_speaker.render import FrameTruth, render_with_truth
from demo_speaker.speech import Speech
from difftalker.files import replacing

LABEL = "Synthetic demo speaker, rendered by DiffTalker: not a recording of a person speaking."
"""Stands in the file's metadata, so that nobody takes the video for footage."""


def render_video(
    path: str | Path,
    speech: Speech,
    *,
    fps: float = 25,
    size: int = 288,
    seed: int = 0,
    crf: int = 14,
) -> list[FrameTruth]:
    """Render `speech` to an H.264 / AAC MP4 at `path` and return the truth of every frame.

    The file appears only when complete. The same arguments give the same bytes on the same machine. size must be even
    (yuv420p).
    """
    if size % 2:
        raise ValueError(f"size must be even for yuv420p video, got {size}")
    rate = Fraction(fps).limit_denominator(1001)
    truth: list[FrameTruth] = []
    with (
        replacing(Path(path)) as partial,
        av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        container.metadata.update({"title": "Synthetic demo speaker", "comment": LABEL})
        video = container.add_stream("libx264", rate=rate, options={"crf": str(crf)})
        video.width = video.height = size
        video.pix_fmt = "yuv420p"
        # The output of several encoder threads may depend on their timing.
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=speech.sample_rate, layout="mono")
        audio.bit_rate = 96_000
        for frame, seen in render_with_truth(speech, fps=fps, size=size, seed=seed):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = len(truth), 1 / rate
            container.mux(video.encode(picture))
            truth.append(seen)
        container.mux(video.encode(None))
        for block in _audio_frames(speech):
            container.mux(audio.encode(block))
        container.mux(audio.encode(None))
    return truth


def _audio_frames(speech: Speech, block: int = 1024) -> Iterator[av.AudioFrame]:
    """The samples as packed mono int16 frames with timestamps."""
    for start in range(0, len(speech.samples), block):
        samples = np.ascontiguousarray(speech.samples[start : start + block][None])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = speech.sample_rate, start, Fraction(1, speech.sample_rate)
        yield frame


def write_truth(path: str | Path, truth: Sequence[FrameTruth]) -> None:
    """Write frame int32, time float64 (s), phoneme string, landmarks (68, 2) float32 (pixels) as Parquet."""
    points = np.stack([seen.landmarks for seen in truth]).astype(np.float32)
    table = pa.table(
        {
            "frame": pa.array(range(len(truth)), pa.int32()),
            "time": pa.array([seen.time_s for seen in truth], pa.float64()),
            "phoneme": pa.array([seen.phoneme for seen in truth], pa.string()),
            "landmarks": pa.FixedShapeTensorArray.from_numpy_ndarray(points),
        }
    )
    with replacing(Path(path)) as partial:
        pq.write_table(table, partial)
