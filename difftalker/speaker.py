"""Measures of the speaker that driving a face needs, taken from the training footage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from difftalker.audio.logmel import level_of, row_power
from difftalker.dataset import Dataset
from difftalker.drive.activity import rest, silent_rows
from difftalker.drive.articulation import closed_mouth
from difftalker.drive.recognise import strangeness, turn
from difftalker.face_folder import Speaker
from difftalker.models.landmark_completion import LandmarkCompletion

_ORDINARY, _EXTREME = 0.5, 0.995  # quantiles
_TURNS = (0.005, 0.995)


@torch.no_grad()
def measure_speaker(
    dataset: Dataset,
    model: LandmarkCompletion,
    sound: Callable[[str, str], np.ndarray],
    place: tuple[float, float, float] | None,
) -> Speaker:
    """Measure the training split.

    Args:
        dataset: all frames.
        model: the landmark network trained on them.
        sound: gives a clip's sound, (n,) int16 at 16 kHz, for a recording and a clip.
        place: where the face usually is in the picture, see `Speaker.place`.
    """
    rows = dataset.rows("train")
    silent = np.zeros(len(rows), bool)
    clips = list(zip(dataset.recording[rows], dataset.clip[rows], strict=True))
    for recording, clip in dict.fromkeys(clips):
        inside = (dataset.recording[rows] == recording) & (dataset.clip[rows] == clip)
        frames = dataset.frame[rows[inside]]
        power = row_power(sound(recording, clip))
        at_rest = rest(silent_rows(power, level_of(power)), int(frames.max()) + 1, dataset.fps)
        silent[inside] = at_rest[frames] == 1
    landmarks = dataset.landmarks[rows]
    turns = turn(landmarks)
    strange = strangeness(landmarks, model)
    return Speaker(
        closed_mouth=closed_mouth(landmarks, model.mean_shape.cpu().numpy(), silent).astype(float).tolist(),
        place=list(place) if place is not None else None,
        turn=[float(np.quantile(turns, share)) for share in _TURNS],
        strangeness=[float(np.quantile(strange, share)) for share in (_ORDINARY, _EXTREME)],
    )
