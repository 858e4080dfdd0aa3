"""A whole film: `TalkingFace.dub` against Wav2Lip's network with its usual loop of reading, pasting and writing.

The same base footage and speech; where the face is in the footage is known to both. Wav2Lip's mouth has 96 pixels.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from benchmarks.bench import Scale, Timing
from benchmarks.dub_quality import other_voice
from benchmarks.rows.wav2lip import Wav2Lip
from difftalker.audio.mel import triangular_filters
from difftalker.media.probe import probe
from difftalker.media.wav import AUDIO_RATE, read_wav
from difftalker.project import base_footage, load_face

TITLE = "a film, end to end, the demo's face at 128 px (preset `demo`)"
PEER = "Wav2Lip (36 M weights, 96 px, random), OpenCV around it"
UNIT = "frames/s"
GOAL = ">= 1x"

_SECONDS = {"tiny": 1.0, "quick": 10.0, "full": 30.0, "gpu": 30.0}
_MEL_RATE, _WINDOW, _BANDS = 80.0, 16, 80  # mel columns per second, of a window, bands
_BATCH = 16


def missing(work: Path) -> str | None:
    return None if (work / "face/face.json").is_file() else "a trained face: `make demo` first, or --face"


def prepare(work: Path, scale: Scale) -> None:
    """Synthetic speech."""
    other_voice(work / "speech.wav", _SECONDS[scale], "en-us")


def ours(work: Path, scale: Scale) -> Timing:
    """Loading the face is not counted, as on the other side."""
    face = load_face(work / "face")
    started = time.perf_counter()
    report = face.dub(work / "speech.wav", work / "ours.mp4", overwrite=True)
    return Timing(time.perf_counter() - started, report.frames)


@torch.inference_mode()
def peer(work: Path, scale: Scale) -> Timing:
    torch.manual_seed(0)
    network = Wav2Lip().eval()
    footage = base_footage(work / "face")
    assert footage is not None
    started = time.perf_counter()
    pictures, fps = _read(footage)
    windows = _mel_windows(read_wav(work / "speech.wav"), fps)
    height, width = pictures[0].shape[:2]
    side = min(height, width) // 2
    top, left = height // 3, (width - side) // 2
    writer = cv2.VideoWriter(str(work / "silent.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for start in range(0, len(windows), _BATCH):
        numbers = np.arange(start, min(start + _BATCH, len(windows))) % len(pictures)
        faces = np.stack([cv2.resize(pictures[i][top : top + side, left : left + side], (96, 96)) for i in numbers])
        hidden = faces.copy()
        hidden[:, 48:] = 0
        pair = torch.from_numpy(np.concatenate([hidden, faces], axis=3)).permute(0, 3, 1, 2).float() / 255
        mel = torch.from_numpy(windows[start : start + len(numbers)])[:, None]
        mouths = (network(mel, pair).permute(0, 2, 3, 1) * 255).byte().numpy()
        for i, mouth in zip(numbers, mouths, strict=True):
            picture = pictures[i].copy()
            picture[top : top + side, left : left + side] = cv2.resize(mouth, (side, side))
            writer.write(picture)
    writer.release()
    _encode(work / "silent.mp4", work / "speech.wav", work / "peer.mp4", fps)
    return Timing(time.perf_counter() - started, len(windows))


def check(work: Path) -> str:
    mine, theirs = probe(work / "ours.mp4"), probe(work / "peer.mp4")
    assert (mine.width, mine.height) == (theirs.width, theirs.height)
    assert abs(mine.duration - theirs.duration) < 0.1, (mine.duration, theirs.duration)
    return "same size and length"


def _read(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    pictures: list[np.ndarray] = []
    while True:
        found, picture = capture.read()
        if not found:
            return pictures, capture.get(cv2.CAP_PROP_FPS)
        pictures.append(picture)


def _mel_windows(samples: np.ndarray, fps: float) -> np.ndarray:
    """(frames, 80, 16) float32: a window of mel columns from the time of each frame on."""
    signal = torch.from_numpy(samples.astype(np.float32) / 32768)
    spectrum = torch.stft(signal, 800, 200, window=torch.hann_window(800), return_complex=True).abs().numpy()
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 7600 / 700), _BANDS + 2) / 2595) - 1)
    filters = triangular_filters(edges, np.linspace(0, AUDIO_RATE / 2, len(spectrum)))
    mel = np.log(np.maximum(filters @ spectrum, 1e-5)).astype(np.float32)
    frames = int(len(samples) / AUDIO_RATE * fps)
    starts = np.minimum((np.arange(frames) * _MEL_RATE / fps).astype(int), mel.shape[1] - _WINDOW)
    return np.stack([mel[:, start : start + _WINDOW] for start in starts])


def _encode(silent: Path, sound: Path, out: Path, fps: float) -> None:
    """H.264 and AAC, as the usual call of ffmpeg at its end makes them."""
    with av.open(silent) as film, av.open(sound) as speech, av.open(out, "w") as container:
        source = film.streams.video[0]
        video = container.add_stream("libx264", round(fps))
        video.width, video.height, video.pix_fmt = source.width, source.height, "yuv420p"
        audio = container.add_stream("aac", AUDIO_RATE)
        for index, frame in enumerate(film.decode(source)):
            frame.pts, frame.time_base = index, Fraction(1, round(fps))
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for piece in speech.decode(audio=0):
            container.mux(audio.encode(piece))
        container.mux(audio.encode())
