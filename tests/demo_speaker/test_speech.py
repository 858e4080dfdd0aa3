from __future__ import annotations

import re
import time
from collections import Counter

import numpy as np
import pytest

from demo_speaker.sentences import DEMO_SENTENCES, OTHER_SENTENCES
from demo_speaker.speech import PAUSE, SAMPLE_RATE, normalise_phoneme, silence, speak, speak_sentences


@pytest.mark.parametrize("voice", ["en-us", "en-us+f3", "en-us+whisper"])
def test_same_samples_at_another_time(voice: str) -> None:
    first = speak("Red paint.", voice)
    time.sleep(1.1)  # the library counts seconds
    np.testing.assert_array_equal(first.samples, speak("Red paint.", voice).samples)


def test_same_samples_whatever_was_spoken_before():
    first = speak("Bob may move five papers.")
    speak("Something else entirely.")
    again = speak("Bob may move five papers.")
    assert first.samples.dtype == np.int16
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes


def test_phonemes_cover_the_speech_in_order():
    speech = speak("Bob may move five papers, you know.")
    assert speech.sample_rate == SAMPLE_RATE
    assert speech.phonemes[0].start_s == 0
    assert speech.phonemes[-1].end_s == pytest.approx(speech.duration_s)
    for before, after in zip(speech.phonemes[:-1], speech.phonemes[1:], strict=True):
        assert before.end_s == after.start_s
        assert before.end_s > before.start_s
    names = [phoneme.name for phoneme in speech.phonemes]
    assert {"b", "m", "v", "f", "p", "aI", "u:", "oU", PAUSE} <= set(names)


@pytest.mark.parametrize("voice", ["no-such-voice", "en-us+f99", "en-us+"])
def test_unknown_voice_is_named(voice: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(voice))):
        speak("Hello.", voice=voice)


def test_stress_marks_are_dropped():
    assert normalise_phoneme("'u:") == "u:"
    assert normalise_phoneme(",eI") == "eI"
    assert normalise_phoneme("_:") == PAUSE
    assert normalise_phoneme("t#") == normalise_phoneme("t2") == "t"
    assert normalise_phoneme("a#") == "a#"


def test_sentence_lists_are_disjoint_and_long_enough():
    demo, other = set(DEMO_SENTENCES), set(OTHER_SENTENCES)
    assert not demo & other
    assert len(demo) == len(DEMO_SENTENCES)
    assert len(other) == len(OTHER_SENTENCES) >= 80


@pytest.mark.parametrize("seconds", [4.0, 75.0, 90.0])
def test_duration_is_close_to_the_one_asked_for(seconds):
    assert speak_sentences(DEMO_SENTENCES, seconds).duration_s == pytest.approx(seconds, abs=1.7)


def test_too_long_a_demo_is_refused():
    with pytest.raises(ValueError, match="less than the 500"):
        speak_sentences(DEMO_SENTENCES, 500)


def test_phonemes_of_the_last_eighth_occur_often_before():
    speech = speak_sentences(DEMO_SENTENCES, 75)
    border = speech.duration_s * 7 / 8
    before = Counter(phoneme.name for phoneme in speech.phonemes if phoneme.end_s <= border)
    after = {phoneme.name for phoneme in speech.phonemes if phoneme.end_s > border}
    rare = {name: before[name] for name in after if before[name] < 3}
    assert not rare


def test_silence_is_one_pause():
    speech = silence(0.5)
    assert not speech.samples.any()
    assert [phoneme.name for phoneme in speech.phonemes] == [PAUSE]
