"""The sound that drives a face."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from difftalker import TalkingFace
from difftalker.audio.encoder import FeatureWindows
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.dub.settings import DubReport
from difftalker.dub.sound import spool_sound
from difftalker.media.wav import write_wav
from tests.dub.conftest import syllables


def test_stereo_of_8_khz_is_heard_like_its_mono(tmp_path: Path) -> None:
    mono = syllables(3.0)[::2]
    with wave.open(str(tmp_path / "phone.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.repeat(mono, 2).astype("<i2").tobytes())
    sound = spool_sound(tmp_path / "phone.wav", tmp_path / "spool.wav")
    heard = FeatureWindows(WhisperEncoder(), sound, 25.0).read(0, 75)
    doubled = np.rint(resample_poly(mono.astype(float), 2, 1)).clip(-32768, 32767).astype(np.int16)
    expected = WhisperEncoder().encode(doubled, 75, 25.0)
    assert heard.shape == (75, 16, 29) and np.corrcoef(heard.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("loudness", "warning"), [(0, "is silent; the mouth stays closed"), (2000, "hardly changes")])
def test_what_is_no_speech_is_said(face: TalkingFace, tmp_path: Path, loudness: int, warning: str) -> None:
    noise = loudness * np.random.default_rng(0).normal(size=3 * 16_000)
    write_wav(tmp_path / "noise.wav", [noise.clip(-32768, 32767).astype(np.int16)])
    report = DubReport()
    with face.planned(tmp_path / "noise.wav", report=report):
        pass
    assert [text for text in report.warnings if warning in text]


def test_syllables_are_speech(face: TalkingFace, speech: Callable[..., Path]) -> None:
    report = DubReport()
    with face.planned(speech(3.0), report=report):
        pass
    assert not [text for text in report.warnings if "loudness" in text or "silent" in text]
