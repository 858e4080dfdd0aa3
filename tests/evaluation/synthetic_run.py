"""A small run of the pipeline up to synthesis, made from a portrait with drawn mouths: no network, no training.

The speaker's mouth opens and closes; the sound is a tone as loud as the mouth is open, and the audio features hold the
opening itself. So the right answer to every question about this data is known.
"""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
from skimage.data import astronaut

from difftalker.tables import (
    CROPS_SCHEMA,
    DATASET_SCHEMA,
    GEOMETRY_SCHEMA,
    LANDMARKS_SCHEMA,
    LANDMARKS_TYPE,
    TableWriter,
    decode_image,
    encode_image,
    make_table,
    write_table,
)
from tests.footage import portrait_points

FPS = 25.0
SOURCE = 144  # side of the source pictures
MOUTH_WIDTH = 0.11  # half of it, in crops
CLIPS = {"anna": {"c1": 40, "c2": 25}, "bert": {"d": 60}}  # recording -> clip -> frames


@dataclass(frozen=True)
class Run:
    """Where the parts of the run lie, as in the project's data folder."""

    root: Path
    size: int

    @property
    def dataset(self) -> Path:
        return self.root / "processed" / "dataset.parquet"

    @property
    def frames(self) -> Path:
        return self.root / "interim" / "frames"

    @property
    def detected(self) -> Path:
        return self.root / "interim" / "landmarks"

    @property
    def synthesis(self) -> Path:
        return self.root / "results" / "synthesis"


def build_run(root: Path, size: int = 64) -> Run:
    """Write raw videos, crops, geometry, sound, landmarks, the dataset and a synthesis below `root`."""
    run = Run(root, size)
    base, template = _portrait(size)
    columns: dict[str, list] = {name: [] for name in DATASET_SCHEMA.names}
    for number, (recording, clips) in enumerate(CLIPS.items()):
        _recording(run, recording, clips, base, template, np.random.default_rng(number), columns)
    run.dataset.parent.mkdir(parents=True)
    write_table(run.dataset, make_table(DATASET_SCHEMA, columns).replace_schema_metadata({"fps": "25"}))
    _synthesis(run, columns)
    return run


def draw(base: np.ndarray, template: np.ndarray, opening: float) -> tuple[np.ndarray, np.ndarray]:
    """A crop with a mouth of the given opening (in crops), and its 68 landmarks divided by the crop size."""
    size = base.shape[0]
    centre = template[48:].mean(axis=0)
    points = template.copy()
    outer = np.pi - 2 * np.pi * np.arange(12) / 12
    inner = np.pi - 2 * np.pi * np.arange(8) / 8
    for angles, first, width, height in (
        (outer, 48, MOUTH_WIDTH, opening / 2 + 0.03),
        (inner, 60, 0.8 * MOUTH_WIDTH, opening / 2 + 0.002),
    ):
        ring = np.stack([np.cos(angles) * width, -np.sin(angles) * height], axis=1)
        points[first : first + len(angles)] = centre + ring
    image = base.copy()
    for first, last, colour in ((48, 60, (176, 84, 84)), (60, 68, (52, 14, 20))):
        polygon = np.rint(points[first:last] * size * 16).astype(np.int32)
        cv2.fillPoly(image, [polygon], colour, cv2.LINE_AA, 4)
    return image, points.astype(np.float32)


def _portrait(size: int) -> tuple[np.ndarray, np.ndarray]:
    picture = astronaut()[30:210, 134:314]
    points = portrait_points() - (54, 30)
    width = 1.7 * np.linalg.norm(points[16] - points[0])
    scale = size / width
    shift = np.array([size / 2, size / 2]) - scale * np.array([(points[0, 0] + points[16, 0]) / 2, points[33, 1]])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    crop = cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return crop, (points * scale + shift) / size


def _recording(
    run: Run,
    recording: str,
    clips: dict[str, int],
    base: np.ndarray,
    template: np.ndarray,
    rng: np.random.Generator,
    columns: dict[str, list],
) -> None:
    frames = run.frames / recording
    (frames / "audio").mkdir(parents=True)
    (run.root / "raw" / recording).mkdir(parents=True)
    run.detected.mkdir(parents=True, exist_ok=True)
    tables = {name: [] for name in ("clip", "frame", "time", "landmarks")}
    meta = {"fps": "25.0", "size": str(run.size), "codec": "png", "crop_scale": "1.7"}
    placed = (SOURCE - run.size) // 2
    transform = [1.0, 0.0, -placed, 0.0, 1.0, -placed]
    region = [0.5 * run.size, 0.5 * run.size, 1.1 * run.size, 0.0]
    row = 0
    with (
        TableWriter(frames / "crops.parquet", CROPS_SCHEMA, meta) as crops,
        TableWriter(frames / "geometry.parquet", GEOMETRY_SCHEMA, meta) as geometry,
    ):
        for clip, count in clips.items():
            steps = np.arange(count)
            opening = 0.06 * (1 + np.sin(0.7 * steps + rng.uniform(0, 6))) * rng.uniform(0.6, 1, count)
            pictures = []
            for frame in range(count):
                image, points = draw(base, template, opening[frame])
                key = {"clip": clip, "frame": frame, "time": frame / FPS}
                crops.write(**key, image=encode_image(image, "png"))
                geometry.write(
                    **key, transform=transform, source_width=SOURCE, source_height=SOURCE, region=region, valid=True
                )
                picture = np.full((SOURCE, SOURCE, 3), 90, np.uint8)
                picture[placed : placed + run.size, placed : placed + run.size] = image
                pictures.append(picture)
                window = opening[np.clip(frame + np.arange(-8, 8), 0, count - 1)]
                values = key | {
                    "recording": recording,
                    "row": row,
                    "split": _split(clip, frame),
                    "landmarks": points,
                    "features": (50 * window[:, None] * np.ones(29)).astype(np.float32),
                    "region": region,
                }
                for name in columns:
                    columns[name].append(values[name])
                for name in tables:
                    tables[name].append(values[name])
                row += 1
            sound = _sound(opening)
            _write_wav(frames / "audio" / f"{clip}.wav", sound)
            write_video(run.root / "raw" / recording / f"{clip}.mp4", pictures, sound)
    flags = {"score": np.ones(row), "valid": np.ones(row, bool), "interpolated": np.arange(row) == 3}
    write_table(run.detected / f"{recording}.parquet", make_table(LANDMARKS_SCHEMA, tables | flags))
    described = [
        {"clip": clip, "file": f"{clip}.mp4", "width": SOURCE, "height": SOURCE, "source_fps": FPS, "warnings": []}
        for clip in clips
    ]
    (frames / "clips.json").write_text(json.dumps(described))


def _split(clip: str, frame: int) -> str:
    if clip == "c2":
        return "test"
    if clip == "c1":
        return "invalid" if frame in (5, 6, 7, 20) else "train"
    return "train" if frame < 35 else "gap" if frame < 40 else "test"


def _sound(opening: np.ndarray) -> np.ndarray:
    time = np.arange(round(len(opening) / FPS * 16000)) / 16000
    loudness = np.interp(time * FPS, np.arange(len(opening)), opening)
    return np.rint(120000 * loudness * np.sin(2 * np.pi * 220 * time)).astype(np.int16)


def _write_wav(path: Path, sound: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())


def write_video(path: Path, pictures: list[np.ndarray], sound: np.ndarray) -> None:
    """An H.264 file with AAC sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=int(FPS), options={"crf": "12", "preset": "ultrafast"})
        video.height, video.width, video.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        audio = container.add_stream("aac", rate=16000, layout="mono")
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.rate = 16000
        container.mux(audio.encode(frame))
        container.mux(audio.encode())


def _synthesis(run: Run, columns: dict[str, list]) -> None:
    """Generated frames: the truth with a softened lower half; landmarks: the truth with a known error."""
    key = [("recording", pa.string()), ("clip", pa.string()), ("frame", pa.int32())]
    images = pa.schema([*key, ("time", pa.float64()), ("image", pa.binary())])
    points = pa.schema([*key, ("landmarks", LANDMARKS_TYPE)])
    run.synthesis.mkdir(parents=True)
    half = run.size // 2
    with (
        TableWriter(run.synthesis / "frames.parquet", images) as frames,
        TableWriter(run.synthesis / "landmarks.parquet", points) as landmarks,
    ):
        for recording in CLIPS:
            made, truth = [], []
            chosen = (np.array(columns["recording"]) == recording) & (np.array(columns["split"]) == "test")
            for index in np.flatnonzero(chosen):
                image = truth_image(run, recording, columns["row"][index])
                soft = cv2.GaussianBlur(image, (0, 0), 0.7)
                soft[:half] = image[:half]
                made.append(soft)
                truth.append(image)
                row = {name: columns[name][index] for name in ("recording", "clip", "frame", "time")}
                frames.write(**row, image=encode_image(soft, "png"))
                shifted = columns["landmarks"][index].copy()
                shifted[4:13] += (0.003, 0.004)
                shifted[48:] += (0.003, 0.004)  # 0.005 away, everywhere
                landmarks.write(**row, landmarks=shifted)
            sound = np.zeros(round(len(made) / FPS * 16000), np.int16)
            write_video(run.synthesis / f"{recording}.mp4", made, sound)
            write_video(run.synthesis / f"{recording}_truth.mp4", truth, sound)


def truth_image(run: Run, recording: str, row: int) -> np.ndarray:
    """One crop, read with pandas alone."""
    return decode_image(pd.read_parquet(run.frames / recording / "crops.parquet")["image"][row])
