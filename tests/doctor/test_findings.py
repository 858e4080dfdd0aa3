"""Verdicts on measurements made up by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difftalker.config import load_params
from difftalker.doctor.findings import Finding, frames_in_words, judge_footage, pretrained_findings
from difftalker.doctor.measure import ClipMeasures, sound_level
from difftalker.media.probe import VideoInfo
from difftalker.presets import load_preset
from difftalker.weights.store import WEIGHTS_VARIABLE, path_of
from difftalker.weights.table import needed_weights

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


TOPICS = ["duration", "frame rate", "picture size", "face", "crop", "chin"]


TOPICS += ["frames without a face", "several faces", "mouth motion"]


def clip(seconds: float = 120.0, **changes: Any) -> ClipMeasures:
    """A good clip, but for some fields of it or of its file."""
    frames = round(25 * seconds)
    file = {"duration": seconds, "fps": 25.0, "variable": False, "width": 640, "height": 480}
    file |= {key: changes.pop(key) for key in list(changes) if key in file}
    info = VideoInfo(
        path=Path("film.mp4"), frames=frames, rotation=0, has_audio=True, audio_rate=44100, codec="h264", **file
    )
    time = np.arange(frames) / 25
    good = ClipMeasures(
        info=info,
        found=np.ones(frames, bool),
        face=np.full(frames, 102.0),
        chin=np.full(frames, 58.0),
        opening=0.04 + 0.03 * np.sin(17 * time),
        several=0,
        level=np.where(time % 2 < 1.5, -20.0, -60.0),
        clipped=0.0,
        speech=np.zeros((frames, 29), np.float32),
    )
    return replace(good, **changes)


def finding(topic: str, *clips: ClipMeasures) -> Finding:
    return next(line for line in judge_footage(clips, PARAMS) if line.topic == topic)


def test_good_footage() -> None:
    lines = judge_footage([clip()], PARAMS)
    assert [line.topic for line in lines] == [*TOPICS, "loudness", "sound delay"]
    assert {line.verdict for line in lines} == {"ok"}
    assert lines[-1].text.startswith("cannot be estimated")


def missing(share: float) -> np.ndarray:
    return np.arange(3000) >= 3000 * share


@pytest.mark.parametrize(
    ("topic", "verdict", "changes"),
    [
        ("duration", "warning", {"seconds": 59.0}),
        ("duration", "problem", {"seconds": 9.0}),
        ("frame rate", "warning", {"variable": True}),
        ("frame rate", "warning", {"fps": 20.0}),
        ("frame rate", "problem", {"fps": 12.0}),
        ("frame rate", "ok", {"fps": 29.97}),
        ("face", "ok", {"face": np.full(3000, 72.0)}),  # 96 / (1.25 * 72) = 1.07 times enlarged
        ("face", "warning", {"face": np.full(3000, 50.0)}),
        ("face", "problem", {"face": np.full(3000, 38.0)}),
        ("crop", "ok", {"face": np.full(3000, 104.0)}),  # 1.25 * 104 = 130, which is 128 within the slack
        ("crop", "warning", {"face": np.full(3000, 105.0)}),
        ("crop", "ok", {"face": np.full(3000, 79.0)}),  # 96 would be too small
        ("crop", "warning", {"face": np.full(3000, 78.0)}),
        ("frames without a face", "ok", {"found": missing(0.005)}),
        ("frames without a face", "warning", {"found": missing(0.1)}),
        ("frames without a face", "problem", {"found": missing(0.4)}),
        ("several faces", "warning", {"several": 3}),
        ("mouth motion", "warning", {"opening": np.linspace(0.03, 0.05, 3000)}),
        ("mouth motion", "problem", {"opening": np.full(3000, 0.02)}),
        ("loudness", "warning", {"level": np.full(3000, -50.0)}),
        ("loudness", "warning", {"clipped": 0.01}),
        ("loudness", "problem", {"level": np.full(3000, -100.0)}),
        ("loudness", "problem", {"level": -30 + 0.5 * np.sin(np.arange(3000.0))}),  # noise alone
        ("loudness", "warning", {"level": np.where(np.arange(3000) % 50 < 40, -20.0, -36.0)}),  # music under it
        ("loudness", "ok", {"level": np.where(np.arange(3000) % 50 < 40, -20.0, -39.0)}),
    ],
)
def test_verdict(topic: str, verdict: str, changes: dict[str, Any]) -> None:
    line = finding(topic, clip(**changes))
    assert line.verdict == verdict
    assert line.verdict == "ok" or line.advice, "a warning says what to do"


def test_a_clip_without_a_face_is_named() -> None:
    line = finding("frames without a face", clip(), clip(found=np.zeros(3000, bool)))
    assert line.verdict == "problem" and "film.mp4: 0-2999" in line.text and "film.mp4" in line.advice


def test_no_face_at_all() -> None:
    lines = judge_footage([clip(found=np.zeros(3000, bool))], PARAMS)
    assert {line.topic: line.verdict for line in lines}["face"] == "problem"


def test_other_sizes() -> None:
    assert finding("picture size", clip(), clip(width=320)).verdict == "warning"


def test_frames_in_words() -> None:
    mask = np.zeros(40, bool)
    mask[[3, 10, 11, 12, 20, 22, 24, 39]] = True
    assert frames_in_words(mask, most=3) == "3, 10-12, 20 and 3 more stretches"
    assert frames_in_words(np.array([True, True])) == "0-1"


def test_sound_level() -> None:
    """Half of full scale is -6.02 dB; a frame of 640 samples at 25 frames/s."""
    samples = np.concatenate([np.full(640, 16384), np.zeros(640), np.full(640, 32767)]).astype(np.int16)
    level, clipped = sound_level(samples, 3, 25.0)
    assert level == pytest.approx([-6.0206, -100.0, 0.0], abs=1e-3)
    assert clipped == pytest.approx(1 / 3)


def test_crop_is_explained() -> None:
    """A face of 160 pixels needs 200; 128 are 64 % of it, and the smallest size above it is 224."""
    assert finding("crop", clip()).text == "1.25 face widths are 128 pixels, video.size is 128: kept in full"
    line = finding("crop", clip(face=np.full(3000, 160.0)))
    assert line.text == "1.25 face widths are 200 pixels, video.size is 128: reduced to 64 %"
    assert line.advice == "23 % of the mouth's sharpness is lost; set video.size: 224, which takes 3.1 times as long"
    line = finding("crop", clip(face=np.full(3000, 70.0)))
    assert line.advice == "video.size: 96 keeps it in full and takes 56 % of the time"


def test_a_chin_outside_the_crop() -> None:
    """A crop of 127.5 pixels has 63.75 below the nose base; for 68.9 a scale of 2 * 68.9 / 102 = 1.35 is enough."""
    few = finding("chin", clip(chin=np.where(missing(0.01), 60.0, 68.9)))
    assert few.verdict == "ok" and few.text == "leaves the crop in 30 of 3000 frames"
    many = finding("chin", clip(chin=np.where(missing(0.1), 60.0, 68.8)))
    assert many.text == "leaves the crop in 300 of 3000 frames"
    assert many.advice == "these, the widest open mouths, are not used; set frames.crop_scale: 1.35"


def test_an_imported_prior_keeps_its_size() -> None:
    paper = load_preset(Path(__file__).parents[2] / "presets/paper.yaml")
    lines = {line.topic: line for line in judge_footage([clip(face=np.full(3000, 400.0))], paper)}
    assert lines["crop"].verdict == "warning" and "set video.size" not in lines["crop"].advice


PRESETS = Path(__file__).parents[2] / "presets"


def test_names_what_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    assert pretrained_findings(load_params(PRESETS / "demo.yaml")) == []
    params = load_preset(PRESETS / "paper.yaml")
    advice = "run `difftalker weights fetch`"
    text = "not here: deepspeech, fan2d, syncnet, sd15"
    assert pretrained_findings(params) == [Finding("pretrained weights", text, "problem", advice)]
    for weight in needed_weights(params):
        path_of(weight).mkdir(parents=True)
    assert pretrained_findings(params) == [Finding("pretrained weights", "deepspeech, fan2d, syncnet, sd15")]


def test_a_long_pause_is_told_with_its_time() -> None:
    level = clip().level.copy()
    level[500:700] = -70.0
    found = finding("loudness", clip(level=level))
    assert found.verdict == "warning" and "silent: film.mp4 from 19.5 to 28.0 s" in found.text
