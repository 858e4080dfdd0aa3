"""A tiny face and speech for it, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from difftalker.media.wav import AUDIO_RATE, write_wav
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import Tiny, make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def face(tiny: Tiny) -> TalkingFace:
    return tiny.load()


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A WAV file of noise in syllables, 16 kHz mono."""
    folder = tmp_path_factory.mktemp("speech")

    def make(seconds: float, seed: int = 0) -> Path:
        path = folder / f"{seconds}_{seed}.wav"
        if not path.exists():
            write_wav(path, [syllables(seconds, seed)])
        return path

    return make


def syllables(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) int16: noise that swells and fades four times a second."""
    count = round(seconds * AUDIO_RATE)
    loudness = np.abs(np.sin(4 * np.pi * np.arange(count) / AUDIO_RATE))
    return (3000 * loudness * np.random.default_rng(seed).normal(size=count)).clip(-32768, 32767).astype(np.int16)
