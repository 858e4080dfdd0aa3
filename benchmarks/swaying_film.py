"""Films of one swaying face with synthetic speech, of any length and size."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from demo_speaker.sentences import OTHER_SENTENCES
from demo_speaker.speech import speak_sentences
from difftalker.media.wav import AUDIO_RATE, read_wav, write_wav

FPS = 25
_SPOKEN = 200.0  # seconds of speech, then it begins again


def pictures(count: int, width: int, height: int) -> Iterator[np.ndarray]:
    """A portrait (NASA, public domain) that sways in front of its mirrored margins: (height, width, 3) uint8 RGB.

    Its face is a quarter of the picture's height wide.
    """
    portrait = data.astronaut()
    scale = height / 330
    for index in range(count):
        shift = np.array([4 * np.sin(index / 9), 2 * np.sin(index / 7)])
        offset = np.array([width, height]) / 2 - scale * (np.array([225, 150]) - shift)
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
        yield cv2.warpAffine(portrait, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def write_film(path: Path, count: int, width: int, height: int) -> None:
    """An MP4 of `pictures` in H.264 with synthetic speech."""
    speech = path.with_suffix(".speech.wav")
    write_speech(speech, count / FPS)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="mono")
        for picture in pictures(count, width, height):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        samples = np.ascontiguousarray(read_wav(speech)[None])
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, 0, Fraction(1, AUDIO_RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def write_speech(path: Path, seconds: float) -> None:
    """Synthetic speech of just this length: mono, 16 kHz."""
    speech = speak_sentences(OTHER_SENTENCES, min(max(seconds, 2.0), _SPOKEN), voice="en-us", pitch=40)
    times = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE % speech.duration_s
    samples = np.interp(times, np.arange(len(speech.samples)) / speech.sample_rate, speech.samples)
    write_wav(path, [samples.astype(np.int16)])
