from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from difftalker.errors import UserError
from difftalker.media.wav import cut_sound, read_wav, write_wav


def test_samples_come_back(tmp_path: Path) -> None:
    samples = np.array([0, 1, -1, 32767, -32768], np.int16)
    write_wav(tmp_path / "a.wav", [samples[:2], samples[2:]])
    found = read_wav(tmp_path / "a.wav")
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, samples)


@pytest.mark.parametrize("kind", ["missing", "text", "8 kHz", "stereo"])
def test_other_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    if kind == "text":
        path.write_text("no sound")
    elif kind != "missing":
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2 if kind == "stereo" else 1)
            file.setsampwidth(2)
            file.setframerate(8_000 if kind == "8 kHz" else 16_000)
            file.writeframes(bytes(400))
    with pytest.raises(UserError, match=str(path)):
        read_wav(path)


def test_samples_of_frames() -> None:
    samples = np.arange(16_000, dtype=np.int16)
    np.testing.assert_array_equal(cut_sound(samples, 3, 2, 25.0), samples[1920:3200])
    np.testing.assert_array_equal(cut_sound(samples, 24, 3, 25.0), samples[15_360:])


def test_successive_runs_join_without_a_hole_at_odd_rates() -> None:
    samples = np.arange(16_000, dtype=np.int16)
    parts = [cut_sound(samples, first, 7, 29.97) for first in range(0, 35, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), samples)
