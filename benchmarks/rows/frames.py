"""Decode a film, cut the face's crop out of every frame and store it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.bench import Scale, Timing
from difftalker.compute.parallel import map_ordered
from difftalker.face.crop import cut_crop
from difftalker.media.decode import decode_frames
from difftalker.tables import CROPS_SCHEMA, TableWriter, decode_image, encode_image

TITLE = "decode, crop, store frames (1280x720, crops of 128 px)"
PEER = "OpenCV `VideoCapture`, one PNG per frame"
UNIT = "frames/s"
GOAL = ">= 3x"

SIZE, FPS = 128, 25
_SIDE, _LEFT, _TOP = 256, 500, 200  # of the face in the picture; twice the crop's side
_SCALE = SIZE / _SIDE
_PLACES = [(0.5 - place) * _SCALE - 0.5 for place in (_LEFT, _TOP)]  # centres of pixels are at integers
_TRANSFORM = np.array([_SCALE, 0, _PLACES[0], 0, _SCALE, _PLACES[1]])
_LENGTH = {"tiny": 5, "quick": 500, "full": 2000, "gpu": 2000}


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    """A film with fine structure that moves, in H.264."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (90, 160, 3), np.uint8)
    coarse = np.asarray(cv2.resize(noise, (1320, 760), interpolation=cv2.INTER_CUBIC), np.uint8)
    with av.open(work / "film.mp4", "w") as container:
        stream = container.add_stream("libx264", FPS, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for index in range(_LENGTH[scale]):
            x, y = round(20 + 20 * np.sin(index / 15)), round(20 + 20 * np.cos(index / 20))
            picture = np.ascontiguousarray(coarse[y : y + 720, x : x + 1280])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def ours(work: Path, scale: Scale) -> Timing:
    """As `difftalker.face.extract_frames` stores them."""
    out = work / "crops.parquet"
    started = time.perf_counter()
    count = 0
    with ThreadPoolExecutor(2) as threads, TableWriter(out, CROPS_SCHEMA, {}) as table:
        frames = decode_frames(work / "film.mp4", FPS)
        made = map_ordered(lambda picture: encode_image(cut_crop(picture, _TRANSFORM, SIZE), "png"), frames, threads, 8)
        for image in made:
            table.write(clip="film", frame=count, time=count / FPS, image=image)
            count += 1
    seconds = time.perf_counter() - started
    np.save(work / "ours.npy", decode_image(image))
    return Timing(seconds, count)


def peer(work: Path, scale: Scale) -> Timing:
    folder = work / "frames"
    folder.mkdir(exist_ok=True)
    started = time.perf_counter()
    capture, count = cv2.VideoCapture(str(work / "film.mp4")), 0
    while True:
        found, picture = capture.read()
        if not found:
            break
        crop = picture[_TOP : _TOP + _SIDE, _LEFT : _LEFT + _SIDE]
        cv2.imwrite(str(folder / f"{count:06d}.png"), cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        count += 1
    seconds = time.perf_counter() - started
    last = cv2.imread(str(folder / f"{count - 1:06d}.png"))
    assert last is not None
    np.save(work / "peer.npy", cv2.cvtColor(last, cv2.COLOR_BGR2RGB))
    return Timing(seconds, count)


def check(work: Path) -> str:
    difference = np.abs(np.load(work / "ours.npy").astype(float) - np.load(work / "peer.npy"))
    assert difference.mean() < 4, f"crops differ by {difference.mean():.2f} levels"
    return f"to {difference.mean():.1f} levels"
