from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from difftalker.app import limits
from difftalker.app.limits import Limits, sound_seconds
from difftalker.errors import UserError
from difftalker.media.wav import write_wav
from tests.footage import flat, noise, write_footage


def test_length(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", [noise(1.5)])
    assert sound_seconds(tmp_path / "a.wav", Limits(minutes=1)) == pytest.approx(1.5)
    with pytest.raises(UserError, match=r"a.wav: is longer than 0.02 minutes"):
        sound_seconds(tmp_path / "a.wav", Limits(minutes=0.02))


def test_a_sound_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def frames(stream: object) -> Iterator[Any]:
        yield SimpleNamespace(samples=16_000, sample_rate=16_000)
        raise av.error.InvalidDataError(1, "Invalid data found when processing input")

    @contextmanager
    def damaged(path: Path) -> Iterator[Any]:
        track = SimpleNamespace(disposition=Disposition.default)
        yield SimpleNamespace(streams=SimpleNamespace(audio=[track]), decode=frames)

    monkeypatch.setattr(limits, "open_sound", damaged)
    with pytest.raises(UserError, match=r"a.wav: sound cannot be decoded after 1.00 s \(.+\); export it again"):
        sound_seconds(Path("a.wav"), Limits(minutes=1))


def test_hours_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0

    def frames(stream: object) -> Iterator[Any]:
        nonlocal decoded
        while True:  # a stream without end
            decoded += 1
            yield SimpleNamespace(samples=16_000, sample_rate=16_000)

    @contextmanager
    def endless(path: Path) -> Iterator[Any]:
        track = SimpleNamespace(disposition=Disposition.default)
        yield SimpleNamespace(streams=SimpleNamespace(audio=[track]), decode=frames)

    monkeypatch.setattr(limits, "open_sound", endless)
    with pytest.raises(UserError, match="longer than 2 minutes"):
        sound_seconds(Path("talk.mp3"), Limits(minutes=2))
    assert decoded == 121


def test_no_sound(tmp_path: Path) -> None:
    write_wav(tmp_path / "none.wav", [np.zeros(0, np.int16)])
    with pytest.raises(UserError, match=r"none.wav"):
        sound_seconds(tmp_path / "none.wav", Limits())
    write_footage(tmp_path / "mute.mp4", flat([10, 20]))
    with pytest.raises(UserError, match=r"mute.mp4"):
        sound_seconds(tmp_path / "mute.mp4", Limits())
