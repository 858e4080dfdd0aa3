"""What the run learnt from: recordings, their parts, and the frames left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from difftalker.dataset.frames import Dataset

RECORDING_COLUMNS = ["Recording", "Clips", "Duration", "Source", "Frames", "Train", "Test", "Gap", "Not used"]
_MANY = 200  # stretches listed at most


def recordings(dataset: Dataset, frames: Path) -> list[list[str]]:
    """One table row per recording, in the columns `RECORDING_COLUMNS`."""
    rows = []
    for name in dict.fromkeys(dataset.recording.tolist()):
        of = dataset.recording == name
        clips = _clips(frames, name)
        source = sorted({f"{clip['width']} × {clip['height']}, {clip['source_fps']:.4g} fps" for clip in clips})
        parts = [int((dataset.split[of] == part).sum()) for part in ("train", "test", "gap", "invalid")]
        duration = f"{of.sum() / dataset.fps:.1f} s"
        rows.append([name, str(len(clips)), duration, "; ".join(source), *(f"{n:,}" for n in (int(of.sum()), *parts))])
    return rows


def listings(dataset: Dataset, frames: Path, interpolated: np.ndarray) -> list[dict[str, str]]:
    """Frames that are not used, frames whose landmarks were interpolated, and the warnings of extraction.

    Args:
        dataset: all frames.
        frames: folder of the recordings' frames.
        interpolated: (n,) bool, for every frame of the dataset.
    """
    invalid = dataset.split == "invalid"
    found = [
        {"name": f"{name}: {mask.sum():,}", "text": frame_list(dataset, mask)}
        for name, mask in (("Frames not used", invalid), ("Frames with interpolated landmarks", interpolated))
    ]
    warnings = [
        f"{name}/{clip['file']}: {warning}"
        for name in dict.fromkeys(dataset.recording.tolist())
        for clip in _clips(frames, name)
        for warning in clip["warnings"]
    ]
    if warnings:
        found.append({"name": f"Warnings: {len(warnings)}", "text": "; ".join(warnings)})
    return found


def frame_list(dataset: Dataset, mask: np.ndarray) -> str:
    """Marked frames as `recording/clip: 3–7, 12`, the longest lists cut."""
    parts: dict[str, list[str]] = {}
    index = np.flatnonzero(mask)
    if not len(index):
        return "None."
    here, before = index[1:], index[:-1]
    joined = (here == before + 1) & (dataset.clip[here] == dataset.clip[before])
    joined &= dataset.recording[here] == dataset.recording[before]
    runs = np.split(index, np.flatnonzero(~joined) + 1)
    for run in runs[:_MANY]:
        first, last = dataset.frame[run[0]], dataset.frame[run[-1]]
        name = f"{dataset.recording[run[0]]}/{dataset.clip[run[0]]}"
        parts.setdefault(name, []).append(f"{first}–{last}" if last > first else f"{first}")
    text = "; ".join(f"{name}: {', '.join(found)}" for name, found in parts.items())
    return text + (f"; and {len(runs) - _MANY} more stretches" if len(runs) > _MANY else "")


def _clips(frames: Path, recording: str) -> list[dict[str, Any]]:
    return json.loads((frames / recording / "clips.json").read_text(encoding="utf-8"))
