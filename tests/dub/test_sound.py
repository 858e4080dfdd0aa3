"""The sound that drives a face."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from demo_speaker.speech import speak
from difftalker import TalkingFace
from difftalker.audio.encoder import FeatureWindows
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.dub.settings import DubReport
from difftalker.dub.sound import spool_sound
from difftalker.media.wav import AUDIO_RATE, write_wav
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


def spoken(text: str, voice: str) -> np.ndarray:
    """Synthetic speech, (n,) float64 at 16 kHz."""
    speech = speak(text, voice)
    return resample_poly(speech.samples.astype(float), AUDIO_RATE, speech.sample_rate)


def music(count: int) -> np.ndarray:
    """Chords with overtones that change twice a second, (n,) float64."""
    time = np.arange(count) / AUDIO_RATE
    chords = ((220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6))
    notes = np.array(chords)[(2 * time).astype(int) % len(chords)]  # (n, 3) Hz
    phase = 2 * np.pi * np.cumsum(notes, axis=0) / AUDIO_RATE
    return sum(np.sin(k * phase).sum(axis=1) / k for k in (1, 2, 3)) * np.exp(-3 * (time % 0.5))


def sung() -> np.ndarray:
    """Vowels held on three notes with vibrato, a breath between them, (n,) float64."""
    notes = []
    for pitch, (first, second) in ((196, (700, 1200)), (220, (300, 2300)), (247, (450, 900))):
        time = np.arange(AUDIO_RATE) / AUDIO_RATE
        phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.015 * np.sin(11 * np.pi * time))) / AUDIO_RATE
        voice = sum(
            np.sin(k * phase) * sum(np.exp(-(((k * pitch - formant) / 120) ** 2)) for formant in (first, second))
            for k in range(1, 16)
        )
        notes += [voice * np.minimum(1, 8 * time) * np.minimum(1, 8 * (1 - time)), np.zeros(AUDIO_RATE // 4)]
    return np.concatenate(notes)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(lambda: spoken("Das Schiff fährt über den breiten Fluss.", "de"), id="german"),
        pytest.param(lambda: spoken("Le bateau traverse la rivière ce matin.", "fr"), id="french"),
        pytest.param(sung, id="singing"),
    ],
)
def test_other_languages_and_singing_are_heard(
    face: TalkingFace, tmp_path: Path, sound: Callable[[], np.ndarray]
) -> None:
    heard = sound()
    write_wav(tmp_path / "a.wav", [np.rint(heard / np.abs(heard).max() * 12_000).astype(np.int16)])
    report = DubReport()
    with face.planned(tmp_path / "a.wav", report=report) as plan:
        points = plan.all_landmarks()
    assert not [text for text in report.warnings if "loudness" in text or "silent" in text]
    opening = np.linalg.norm(points[:, 66] - points[:, 62], axis=1)
    assert len(points) == round(len(heard) / AUDIO_RATE * 25) and np.ptp(opening) > 0


@pytest.mark.parametrize(("below", "least"), [(20, 0.9), (10, 0.75)])
def test_music_under_speech_changes_little_of_what_is_heard(below: float, least: float) -> None:
    """Music `below` dB under the speech."""
    speech = spoken("The boat crosses the river early in the morning, but nobody waits for it.", "en-us")
    tune = music(len(speech))
    tune *= speech.std() / tune.std() * 10 ** (-below / 20)
    frames = int(len(speech) / AUDIO_RATE * 25)
    pair = [
        WhisperEncoder().encode(np.rint(sound / np.abs(speech).max() * 12_000).astype(np.int16), frames, 25.0)
        for sound in (speech, speech + tune)
    ]
    assert np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1] > least
