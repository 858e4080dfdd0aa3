"""Speech for the demo speaker: eSpeak NG through ctypes, with the time of every phoneme."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

SAMPLE_RATE = 22_050
"""Samples per second that eSpeak NG produces for all its formant voices."""

PAUSE = "_"
"""Phoneme name of silence, after `normalise_phoneme`."""

_VOWELS = frozenset("aAeEiIoOuUV@0123&yYW")
"""First characters of vowel mnemonics: in vowels a trailing mark is another sound, in consonants only a variant."""

# Constants of espeak-ng/speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 0x0001
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_EVENT_LIST_TERMINATED, _EVENT_PHONEME = 0, 7

_SEED = 1  # of the noise in breathy voices

# The library keeps its state in globals, so one call at a time.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Phoneme:
    """One phoneme of eSpeak's mnemonics without stress marks; times in seconds from the start."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Speech:
    """Mono speech. samples: (n,) int16; the phonemes are in order, do not overlap and cover 0..duration."""

    samples: np.ndarray
    sample_rate: int
    phonemes: tuple[Phoneme, ...]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@contextlib.contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    """The library, loaded anew and unloaded afterwards.

    It keeps wave phases in static variables that `espeak_Terminate` does not reset, so samples would otherwise depend
    on what was spoken before.
    """
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        yield library
    finally:
        unload = ctypes.CDLL(None).dlclose
        unload.argtypes = [ctypes.c_void_p]
        unload(library._handle)


def normalise_phoneme(name: str) -> str:
    """Phoneme mnemonic without stress, syllable and variant marks; every kind of pause becomes `PAUSE`."""
    if name.startswith("_"):
        return PAUSE
    bare = name.lstrip("',%=|;") or PAUSE
    return bare if bare[0] in _VOWELS else bare.rstrip("-#2") or bare


def speak(text: str, voice: str = "en-us", rate: int = 150, pitch: int = 62) -> Speech:
    """Speak `text`.

    rate: words per minute (80-450). pitch: 0-100. The same arguments give the same samples, whatever was spoken
    before. Raises ValueError when the voice is unknown or the text gives no sound.
    """
    chunks: list[np.ndarray] = []
    marks: list[tuple[int, str]] = []

    def receive(wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                marks.append((event.sample, event.id.string.decode("utf-8", "replace")))
            index += 1
        return 0

    encoded = text.encode("utf-8")
    with _LOCK, _fresh_library() as library:
        options = _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_DONT_EXIT
        data_path = espeakng_loader.get_data_path().encode()
        if library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, options) != SAMPLE_RATE:
            raise RuntimeError("eSpeak NG did not start: its data files are missing or of another version")
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))  # the clock's, without: breathy voices differ every second
        try:
            if not _has_variant(voice) or library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise ValueError(f"unknown eSpeak NG voice {voice!r}; examples are 'en-us', 'en-us+f3', 'de', 'fr'")
            library.espeak_SetParameter(_PARAMETER_RATE, int(rate), 0)
            library.espeak_SetParameter(_PARAMETER_PITCH, int(pitch), 0)
            callback = _Callback(receive)
            library.espeak_SetSynthCallback(callback)
            library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        finally:
            library.espeak_Terminate()
    if not chunks:
        raise ValueError(f"the text {text!r} gives no sound")
    samples = np.concatenate(chunks)
    return Speech(samples, SAMPLE_RATE, _phonemes(marks, len(samples)))


def _has_variant(voice: str) -> bool:
    """Whether what stands behind a `+` exists: the library speaks without a variant that it does not know."""
    _, plus, variant = voice.partition("+")
    return not plus or Path(espeakng_loader.get_data_path(), "voices/!v", variant).is_file()


def _phonemes(marks: Sequence[tuple[int, str]], total: int) -> tuple[Phoneme, ...]:
    """Turn start marks (sample, raw name) into phonemes that cover 0..total samples; empty ones are dropped."""
    starts = [0] + [min(sample, total) for sample, _ in marks] + [total]
    names = [PAUSE] + [normalise_phoneme(name) for _, name in marks]
    return tuple(
        Phoneme(name, start / SAMPLE_RATE, end / SAMPLE_RATE)
        for name, start, end in zip(names, starts[:-1], starts[1:], strict=True)
        if end > start
    )


def silence(seconds: float) -> Speech:
    """A `Speech` of digital silence."""
    count = round(seconds * SAMPLE_RATE)
    return Speech(np.zeros(count, np.int16), SAMPLE_RATE, (Phoneme(PAUSE, 0.0, count / SAMPLE_RATE),))


def join_speech(parts: Sequence[Speech]) -> Speech:
    """One after the other; the parts must share the sample rate."""
    phonemes: list[Phoneme] = []
    offset = 0
    for part in parts:
        shift = offset / SAMPLE_RATE
        phonemes += [Phoneme(p.name, p.start_s + shift, p.end_s + shift) for p in part.phonemes]
        offset += len(part.samples)
    return Speech(np.concatenate([part.samples for part in parts]), SAMPLE_RATE, tuple(phonemes))


def speak_sentences(
    sentences: Sequence[str],
    seconds: float,
    *,
    voice: str = "en-us",
    rate: int = 150,
    pitch: int = 62,
    lead_s: float = 0.3,
    pause_s: float = 0.15,
) -> Speech:
    """Speak sentences in order until the duration is as near to `seconds` as whole sentences allow.

    lead_s: silence before the first sentence; pause_s: least silence after each one (on top of the voice's own). Where
    the next sentence would be too much, longer pauses fill up to `seconds`. Raises ValueError when all sentences
    together are shorter than `seconds`.
    """
    if seconds <= 0:
        raise ValueError(f"seconds must be positive, got {seconds}")
    spoken: list[Speech] = []
    total = lead_s
    for sentence in sentences:
        if total >= seconds:
            break
        following = speak(sentence, voice, rate, pitch)
        after = total + following.duration_s + pause_s
        if spoken and after - seconds > seconds - total:
            pause_s += (seconds - total) / len(spoken)
            total = seconds
            break
        spoken.append(following)
        total = after
    if total < seconds:
        raise ValueError(f"the sentences last {total:.1f} s, less than the {seconds:.1f} s asked for")
    pause = silence(pause_s)
    return join_speech([silence(lead_s), *(part for one in spoken for part in (one, pause))])
