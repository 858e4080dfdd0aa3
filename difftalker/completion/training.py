"""Training of landmark completion (paper, section 2.3, eq. 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from difftalker.completion.head_frame import SimilarityTransform, mean_face_on_heads
from difftalker.completion.network import LandmarkCompletion
from difftalker.compute.device import seeded
from difftalker.config import LandmarksConfig
from difftalker.face.topology import COMPLETED_POINTS, CONDITION, RIGID
from difftalker.training.loop import TrainingOptions, train
from difftalker.training.progress import LossHistory

_UPPER, _LOWER = (
    np.searchsorted(COMPLETED_POINTS, lip) for lip in ((61, 62, 63), (67, 66, 65))
)  # inner lips, in pairs


def train_landmarks(
    landmarks: Tensor,
    features: Tensor,
    runs: Sequence[np.ndarray],
    config: LandmarksConfig,
    **options: Unpack[TrainingOptions],
) -> tuple[LandmarkCompletion, LossHistory]:
    """Train landmark completion from scratch.

    Beyond the paper: with `config.mixup`, a share of another frame's points, laid on the same head, and of its sound is
    mixed into every frame (Zhang et al., mixup, 2018; 1 is their alpha = 1). So the network is nearly linear between
    what it has heard, and a voice that it has not heard moves the mouth as the nearest known sounds do
    (docs/ablations.md).

    Args:
        landmarks: training frames' points, fractions of the crop side, (n, 68, 2) float32.
        features: their audio features, (n, 16, 29) float32.
        runs: rows of successive frames, each within one clip; together all rows in order.
        config: network and training.
        options: of every training.

    Returns:
        The model in eval mode, and its losses.
    """
    device = options["device"]
    with seeded(options["seed"]):
        model = LandmarkCompletion(config.dim, config.heads, config.layers, config.audio_fusion, config.dropout)
    model.fit(landmarks, features)
    unit = model.scale[COMPLETED_POINTS].square().mean().sqrt().to(device)
    shape = model.mean_shape.numpy()
    faces = np.concatenate([mean_face_on_heads(landmarks[run].numpy(), shape) for run in runs])
    resting = torch.from_numpy(faces[:, CONDITION]).to(device)  # (n, 39, 2)
    landmarks, features = landmarks.to(device), features.to(device)
    pose = SimilarityTransform(landmarks[:, RIGID], model.mean_shape[RIGID].to(device))
    normal, normal_resting = pose.normalise(landmarks), pose.normalise(resting)  # in the frame of the head

    def loss(rows: Tensor, generator: torch.Generator) -> Tensor:
        points = landmarks[rows]
        condition = points[:, CONDITION]
        noise = torch.randn(condition.shape, generator=generator).to(device)
        if config.resting_share:
            chosen = (torch.rand(len(rows), 1, 1, generator=generator) < config.resting_share).to(device)
            condition = torch.where(chosen, resting[rows], condition)
        sound = features[rows]
        if config.mixup:
            others = torch.randint(len(landmarks), (len(rows),), generator=generator)
            share = (config.mixup * torch.rand(len(rows), 1, 1, generator=generator)).to(device)
            head = SimilarityTransform(points[:, RIGID], model.mean_shape[RIGID])
            foreign = normal[others][:, CONDITION]
            if config.resting_share:
                foreign = torch.where(chosen, normal_resting[others], foreign)
            condition = condition.lerp(head.restore(foreign), share)
            points = points.lerp(head.restore(normal[others]), share)
            sound = sound.lerp(features[others], share)
        if config.audio_noise:
            disturbance = torch.randn(sound.shape, generator=generator).to(device)
            sound = sound + config.audio_noise * model.feature_scale * disturbance
        result = model(condition + config.landmark_noise * noise, sound)
        predicted = torch.cat([result.contour, result.mouth], 1)  # (b, 29, 2)
        # Eq. 1, in units of the points' own spread: fractions of the crop would give gradients below Adam's epsilon.
        error = (predicted - points[:, COMPLETED_POINTS]) / unit
        value = error.square().sum(-1).mean()
        if config.opening_weight:
            gaps = error[:, _LOWER] - error[:, _UPPER]  # (b, 3, 2)
            value = value + config.opening_weight * gaps.square().sum(-1).mean()
        return value

    history = train(model, loss, items=len(landmarks), config=config.train, title="landmarks", **options)
    return model, history
