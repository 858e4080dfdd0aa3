"""Audio features of parts of a sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.audio.encoder import AudioEncoder, FeatureWindows, SoundSource
from difftalker.audio.feature_windows import RowReader
from difftalker.audio.voice_activity import row_power
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.dub.sound import spool_sound
from difftalker.media.wav import write_wav
from tests.dub.conftest import syllables


@pytest.mark.parametrize("fps", [25.0, 30000 / 1001, 50.0])
def test_features_of_parts_are_those_of_the_whole(tmp_path: Path, fps: float) -> None:
    samples = syllables(9.0)
    write_wav(tmp_path / "in.wav", [samples])
    sound = spool_sound(tmp_path / "in.wav", tmp_path / "spool.wav")
    frames = round(9.0 * fps)
    encoder = WhisperEncoder()
    whole = encoder.encode(samples, frames, fps)
    features = FeatureWindows(encoder, sound, fps)
    for first, last in ((0, frames), (0, 7), (7, 31), (frames - 3, frames), (40, 41), (80, 160)):
        np.testing.assert_array_equal(features.read(first, last), whole[first:last])


class Listening(AudioEncoder):
    """Needs the whole sound; its rows can be recognised."""

    def listen(self, sound: SoundSource) -> RowReader:
        power = row_power(sound.mapped())
        rows = np.pad(power.cumsum()[:, None] * np.arange(29), ((50, 50), (0, 0)))
        return lambda first, last: rows[first + 50 : last + 50].astype(np.float32)


def test_encoders_with_memory_hear_the_whole(tmp_path: Path) -> None:
    samples = syllables(2.0)
    write_wav(tmp_path / "in.wav", [samples])
    sound = spool_sound(tmp_path / "in.wav", tmp_path / "spool.wav")
    features = FeatureWindows(Listening(), sound, 25.0)
    whole = Listening().encode(samples, 50, 25.0)
    assert np.array_equal(features.read(0, 50), whole) and np.array_equal(features.read(20, 41), whole[20:41])
