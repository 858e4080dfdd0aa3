"""From measurements to lines with a verdict and, where something is wrong, what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from difftalker.audio.voice_activity import STEADY
from difftalker.config import Params
from difftalker.doctor.measure import ClipMeasures
from difftalker.doctor.size import allowed_sizes, reduced, sharpness_lost, whole_size
from difftalker.doctor.sound_delay import estimate_delay
from difftalker.intervals import true_intervals
from difftalker.weights.store import path_of
from difftalker.weights.table import needed_weights

_CLEAR = 18.0  # dB between the 5th and the 90th percentile: speech in a room 19 to 39, over music 10 dB below it 17
_PAUSE, _LONG = 25.0, 5.0  # dB below speech, and seconds: a pause that is worth a word

FindingVerdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, the verdict, and what to do (empty if ok)."""

    topic: str
    text: str
    verdict: FindingVerdict = "ok"
    advice: str = ""


def judge_footage(clips: Sequence[ClipMeasures], params: Params) -> list[Finding]:
    """All findings on a recording, in a fixed order.

    Args:
        clips: at least one.
        params: the crop's size and scale, the frame rate and the largest gap that is interpolated are used.
    """
    return [
        _duration(clips),
        _rate(clips, params.video.fps),
        _picture(clips),
        *_faces(clips, params),
        _motion(clips),
        _loudness(clips),
        _offset(clips, params.video.fps),
    ]


def _duration(clips: Sequence[ClipMeasures]) -> Finding:
    seconds = sum(clip.info.duration for clip in clips)
    text = f"{seconds:.1f} s in {len(clips)} file{'s' * (len(clips) > 1)}"
    if seconds < 10:
        return Finding("duration", text, "problem", "a voice's sounds do not all occur; give at least a minute")
    if seconds < 60:
        return Finding("duration", text, "warning", "mouth shapes will be missing; 2 to 5 minutes are good")
    return Finding("duration", text)


def _rate(clips: Sequence[ClipMeasures], fps: float) -> Finding:
    rates = sorted({round(clip.info.fps, 3) for clip in clips})
    text = " to ".join(f"{rate:g}" for rate in dict.fromkeys((rates[0], rates[-1]))) + " frames/s"
    varying = [clip.info.path.name for clip in clips if clip.info.variable]
    text += f", varies in {_some(varying)}" if varying else ", constant"
    if rates[0] < 0.6 * fps:
        return Finding("frame rate", text, "problem", f"too few pictures for {fps:g} frames/s; film at 25 or more")
    if varying:
        return Finding("frame rate", text, "warning", "resampled by timestamp; film at a constant rate if you can")
    if rates[0] < 0.95 * fps:
        return Finding("frame rate", text, "warning", f"pictures are shown twice to reach video.fps = {fps:g}")
    return Finding("frame rate", text)


def _picture(clips: Sequence[ClipMeasures]) -> Finding:
    sizes = list(dict.fromkeys((clip.info.width, clip.info.height) for clip in clips))
    text = ", ".join(f"{width}x{height}" for width, height in sizes[:4])
    if len(sizes) > 1:
        return Finding("picture size", text, "warning", "sizes differ; one camera and one distance are best")
    return Finding("picture size", text)


def _faces(clips: Sequence[ClipMeasures], params: Params) -> list[Finding]:
    widths = np.concatenate([clip.face[clip.found] for clip in clips])
    if not len(widths):
        advice = "give footage with one frontal face of at least 1/16 of the picture's longer side"
        return [Finding("face", "no face in any frame", "problem", advice)]
    face = float(np.median(widths))
    text = f"{face:.0f} pixels wide (from {np.percentile(widths, 1):.0f} to {np.percentile(widths, 99):.0f})"
    found = [_distance(text, face, params), _size(face, params), _chin(clips, face, params), _missing(clips)]
    several = sum(clip.several for clip in clips)
    frames = sum(len(clip.found) for clip in clips)
    text = f"in {several} of {frames} frames"
    advice = "the largest is followed; cut the others out if it is the wrong one"
    found.append(Finding("several faces", text, "warning" if several else "ok", advice if several else ""))
    return found


def _distance(text: str, face: float, params: Params) -> Finding:
    smallest = allowed_sizes(params)[0]
    enlarged = smallest / (params.frames.crop_scale * face)
    advice = f"crops of {smallest} pixels enlarge it {enlarged:.1f} times and stay soft; film closer"
    if enlarged > 2:
        return Finding("face", text, "problem", advice)
    if enlarged > 1.1:
        return Finding("face", text, "warning", advice)
    return Finding("face", text)


def _size(face: float, params: Params) -> Finding:
    size, whole, needed = params.video.size, whole_size(face, params), params.frames.crop_scale * face
    text = f"{params.frames.crop_scale:g} face widths are {needed:.0f} pixels, video.size is {size}: "
    if reduced(size, face, params):
        text += f"reduced to {100 * size / needed:.0f} %"
        advice = f"{100 * sharpness_lost(size / needed):.0f} % of the mouth's sharpness is lost"
        if whole > size:
            advice += f"; set video.size: {whole}, which takes {(whole / size) ** 2:.1f} times as long"
        return Finding("crop", text, "warning", advice)
    text += "kept in full"
    if size > whole:
        advice = f"video.size: {whole} keeps it in full and takes {100 * (whole / size) ** 2:.0f} % of the time"
        return Finding("crop", text, "warning", advice)
    return Finding("crop", text)


def _chin(clips: Sequence[ClipMeasures], face: float, params: Params) -> Finding:
    """The nose base is the crop's middle row, so the chin has half a crop below it."""
    chins = np.concatenate([clip.chin[clip.found] for clip in clips])
    outside = int((chins > params.frames.crop_scale * face / 2).sum())
    text = f"leaves the crop in {outside} of {len(chins)} frames"
    if outside <= 0.01 * len(chins):
        return Finding("chin", text)
    enough = math.ceil(20 * 2 * np.percentile(chins, 99.5) / face) / 20
    advice = f"these, the widest open mouths, are not used; set frames.crop_scale: {enough:g}"
    return Finding("chin", text, "warning", advice)


def _missing(clips: Sequence[ClipMeasures]) -> Finding:
    missing = sum(int((~clip.found).sum()) for clip in clips)
    frames = sum(len(clip.found) for clip in clips)
    text = f"{missing} of {frames}"
    if not missing:
        return Finding("frames without a face", text)
    where = [f"{clip.info.path.name}: {frames_in_words(~clip.found)}" for clip in clips if not clip.found.all()]
    text += f" ({_some(where, '; ')})"
    empty = [clip.info.path.name for clip in clips if not clip.found.any()]
    if empty:
        return Finding("frames without a face", text, "problem", f"take {_some(empty)} out of the recording")
    if missing > 0.3 * frames:
        return Finding("frames without a face", text, "problem", "too much is lost; film the face from the front")
    return Finding("frames without a face", text, "warning" if missing > 0.01 * frames else "ok", "these are not used")


def frames_in_words(mask: np.ndarray, most: int = 4) -> str:
    """Frame numbers where a mask (n,) is true: '3, 10-14 and 2 more stretches'."""
    parts = [f"{start}" if end - start == 1 else f"{start}-{end - 1}" for start, end in true_intervals(mask)]
    more = f" and {len(parts) - most} more stretches" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def _motion(clips: Sequence[ClipMeasures]) -> Finding:
    opening = np.concatenate([clip.opening[clip.found] for clip in clips])
    if not len(opening):
        return Finding("mouth motion", "unknown, there is no face", "problem", "see above")
    low, high = np.percentile(opening, [5, 95])
    text = f"lips open from {100 * low:.1f} to {100 * high:.1f} % of the face width (5th to 95th percentile)"
    if high - low < 0.01:
        return Finding("mouth motion", text, "problem", "the mouth does not move; is the speaker in the picture?")
    if high - low < 0.025:
        return Finding("mouth motion", text, "warning", "the mouth hardly moves; speak clearly, film closer")
    return Finding("mouth motion", text)


def _loudness(clips: Sequence[ClipMeasures]) -> Finding:
    level = np.concatenate([clip.level for clip in clips])
    speech = float(np.percentile(level, 90))
    clipped = float(np.average([clip.clipped for clip in clips], weights=[len(clip.level) for clip in clips]))
    text = f"speech at {speech:.0f} dB of full scale, pauses at {np.percentile(level, 5):.0f} dB"
    silent = [clip.info.path.name for clip in clips if clip.level.max() < -66]
    if silent:
        return Finding("loudness", text, "problem", f"{_some(silent)}: silent; give footage with audible speech")
    if clipped > 0.001:
        return Finding("loudness", f"{text}, {100 * clipped:.1f} % cut off", "warning", "record at a lower level")
    if speech < -45:
        return Finding("loudness", text, "warning", "very quiet: noise will be learnt too; record louder")
    steady = [clip.info.path.name for clip in clips if np.ptp(np.percentile(clip.level, [5, 95])) < STEADY]
    if steady:
        return Finding("loudness", text, "problem", f"{_some(steady)}: hardly changes, so noise rather than speech")
    covered = [clip.info.path.name for clip in clips if np.ptp(np.percentile(clip.level, [5, 90])) < _CLEAR]
    if covered:
        advice = f"{_some(covered)}: its pauses are loud, so music or noise lies under the speech; take it out"
        return Finding("loudness", text, "warning", advice)
    pauses = [pause for clip in clips for pause in _long_pauses(clip, speech)]
    if pauses:
        return Finding("loudness", f"{text}; silent: {_some(pauses)}", "warning", "cut long pauses out")
    return Finding("loudness", text)


def _long_pauses(clip: ClipMeasures, speech: float) -> list[str]:
    """Where nobody speaks for long, in words."""
    fps = len(clip.level) / clip.info.duration
    found = (interval for interval in true_intervals(clip.level < speech - _PAUSE) if np.ptp(interval) > _LONG * fps)
    return [f"{clip.info.path.name} from {start / fps:.1f} to {end / fps:.1f} s" for start, end in found]


def _offset(clips: Sequence[ClipMeasures], fps: float) -> Finding:
    signals = [(np.where(clip.found, clip.opening, np.nan), clip.speech) for clip in clips]
    offset = estimate_delay(signals, fps)
    if offset is None:
        return Finding("sound delay", "cannot be estimated: too little footage or no clear relation to the lips")
    frames = abs(offset) * fps
    text = f"{offset:+.2f} s" + ("" if not frames else ", sound late" if offset > 0 else ", sound early")
    if frames > 4.5:
        return Finding("sound delay", text, "problem", "shift the sound track by that much and export again")
    if frames > 2.5:
        return Finding("sound delay", text, "warning", "check by eye; shift the sound track if it is so")
    return Finding("sound delay", text)


def _some(names: Sequence[str], separator: str = ", ") -> str:
    return separator.join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def pretrained_findings(params: Params) -> list[Finding]:
    """One line if any are needed. Looks whether they are there; `difftalker weights verify` reads them."""
    weights = needed_weights(params)
    absent = [weight.name for weight in weights if not path_of(weight).exists()]
    if absent:
        text = f"not here: {', '.join(absent)}"
        return [Finding("pretrained weights", text, "problem", "run `difftalker weights fetch`")]
    return [Finding("pretrained weights", ", ".join(weight.name for weight in weights))] if weights else []
