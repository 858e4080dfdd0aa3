"""Measures of the speaker that driving a face needs, taken from the training footage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import binary_erosion

from difftalker.audio.feature_windows import FEATURE_RATE
from difftalker.audio.voice_activity import active_speech_level, row_power, silent_rows
from difftalker.completion.articulation import fit_closed_mouth, fit_jaw, fit_opening, match_opening
from difftalker.completion.head_frame import UPPER_FACE_SMOOTHING, HeadFrame, smooth_in_head_frame
from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.dataset.frames import Dataset
from difftalker.dub.identity import choose_descriptors, upper_face_descriptor
from difftalker.dub.usable_faces import head_turn, shape_deviation
from difftalker.face_folder import OPENING_LEVELS, Speaker

# Noise on the training sounds, over the features' spread, when openings are measured: the network knows these sounds
# better than any other, opens the mouth wider at them and closes it more surely (docs/ablations.md).
_NOISE = 1.2
_ORDINARY, _EXTREME = 0.5, 0.995  # quantiles
_PAUSE = 0.2  # seconds; shorter than what counts when driving: footage of fluent speech has few long pauses
_EDGE = 4  # rows of 20 ms at both ends of a pause in which the mouth still moves
_TURNS = (0.005, 0.995)
_SAMPLED, _DESCRIPTORS = 200, 8  # frames of which a descriptor is taken, and how many are kept


@torch.no_grad()
def measure_speaker(
    dataset: Dataset,
    model: LandmarkCompletion,
    sound: Callable[[str, str], np.ndarray],
    crops: Callable[[np.ndarray], np.ndarray],
    face_position: tuple[float, float, float] | None,
) -> Speaker:
    """Measure the training split.

    Args:
        dataset: all frames.
        model: the landmark network trained on them.
        sound: gives a clip's sound, (n,) int16 at 16 kHz, for a recording and a clip.
        crops: reads the crops of some of the dataset's rows, (n,) to (n, size, size, 3) uint8 RGB.
        face_position: where the face usually is in the picture, see `Speaker.face_position`.
    """
    rows = dataset.rows("train")
    silent = np.zeros(len(rows), bool)
    clips = list(zip(dataset.recording[rows], dataset.clip[rows], strict=True))
    for recording, clip in dict.fromkeys(clips):
        inside = (dataset.recording[rows] == recording) & (dataset.clip[rows] == clip)
        frames = dataset.frame[rows[inside]]
        power = row_power(sound(recording, clip))
        quiet = binary_erosion(silent_rows(power, active_speech_level(power), _PAUSE), iterations=_EDGE, border_value=1)
        row = np.minimum((frames / dataset.fps * FEATURE_RATE).astype(int), len(quiet) - 1)
        silent[inside] = quiet[row]
    landmarks, shape = dataset.landmarks[rows], model.mean_shape.cpu().numpy()
    points = HeadFrame(landmarks, shape).normalise(landmarks)
    ends = np.cumsum([len(run) for run in dataset.segments("train")])
    smoothed = [smooth_in_head_frame(run, UPPER_FACE_SMOOTHING * dataset.fps) for run in np.split(points, ends[:-1])]
    upper, features = np.concatenate(smoothed), dataset.features[rows]
    driven = complete(model, upper, features)
    frame = HeadFrame(driven, shape)  # smoothed rigid points lie a little otherwise: a frame of their own
    measured = frame.normalise(driven)
    unsure = complete(model, upper, _disturbed(features, float(model.feature_scale)))
    opening = fit_opening(points, HeadFrame(unsure, shape).normalise(unsure), OPENING_LEVELS)
    matched = frame.restore(match_opening(measured, opening))
    turns = head_turn(landmarks)
    deviations = shape_deviation(points, model)
    some = np.unique(np.linspace(0, len(rows) - 1, _SAMPLED).astype(int))
    descriptors = np.stack(
        [upper_face_descriptor(*pair) for pair in zip(crops(rows[some]), landmarks[some], strict=True)]
    )
    return Speaker(
        closed_mouth=fit_closed_mouth(points, silent).astype(float).tolist(),
        face_position=list(face_position) if face_position is not None else None,
        head_turn_range=[float(np.quantile(turns, share)) for share in _TURNS],
        opening=opening.astype(float).tolist(),
        jaw=fit_jaw(points, matched, shape).astype(float).tolist(),
        shape_deviation=[float(np.quantile(deviations, share)) for share in (_ORDINARY, _EXTREME)],
        face_descriptors=np.round(choose_descriptors(descriptors, _DESCRIPTORS).astype(float), 3).tolist(),
    )


def _disturbed(features: np.ndarray, spread: float) -> np.ndarray:
    """Audio features with noise, (n, 16, 29) float32; always the same noise."""
    noise = np.random.default_rng(0).standard_normal(features.shape, np.float32)
    return features + np.float32(_NOISE * spread) * noise
