"""The sound that drives a face."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from difftalker.audio.encoder import FeatureWindows
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.dub.sound import spool_sound
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
