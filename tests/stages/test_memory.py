"""Footage length does not change what a streaming stage holds in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from demo_speaker.render import render_with_truth
from demo_speaker.sentences import DEMO_SENTENCES
from demo_speaker.speech import speak_sentences
from difftalker.media.encode import write_video
from difftalker.media.wav import AUDIO_RATE
from tests.project import Project

FPS = 25.0
SECONDS = 6.0
SHOWN = 2, 8  # times; shorter footage does not fill what is held at once
ALLOWED = 48 * 2**20  # bytes; holding the 450 further test frames would take 88 MB as crops, more as pictures
# The allocators of glibc and Arrow keep freed memory in ways that make the peaks of equal runs differ by 100 MB. With
# one heap, and large blocks given back at once, they differ by 1 MB.
ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072", "ARROW_DEFAULT_MEMORY_POOL": "system"}
PARAMS = {"video": {"size": 256}, "split": {"test_fraction": 0.5}, "frames": {"codec": "jpeg"}}


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Peak bytes of each stage on a film shown twice and eight times."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.environment |= ALLOCATOR
    speech = speak_sentences(DEMO_SENTENCES, SECONDS)
    frames = [frame for frame, _ in render_with_truth(speech, seed=2)]
    # At the wrong pitch, for brevity.
    sound = np.resize(speech.samples, round(len(frames) / FPS * AUDIO_RATE))
    found: dict[str, list[int]] = {}
    for name, times in zip(("short", "long"), SHOWN, strict=True):
        film = project.root / f"data/raw/{name}/film.mp4"
        film.parent.mkdir(parents=True)
        write_video(film, frames * times, FPS, np.tile(sound, times), {})
        project.set_params({**PARAMS, "recordings": [name]})
        project.repro("synthesise")
        for stage in ("extract_frames", "detect_landmarks", "encode_latents", "synthesise"):
            recorded = next(
                path for path in (stage, f"{stage}@{name}") if Path(project.root / f"data/timings/{path}.json").exists()
            )
            found.setdefault(stage, []).append(project.peak(recorded))
    return {stage: (values[0], values[1]) for stage, values in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["extract_frames", "detect_landmarks", "encode_latents", "synthesise"])
def test_peak_does_not_grow(peaks: dict[str, tuple[int, int]], stage: str) -> None:
    short, long = peaks[stage]
    assert long < short + ALLOWED, f"{stage}: {short / 2**20:.0f} MB, on longer footage {long / 2**20:.0f} MB"
