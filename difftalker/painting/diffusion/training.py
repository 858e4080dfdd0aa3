"""Training of face synthesis (paper, section 2.4)."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import torch
from torch import Tensor

from difftalker.compute.device import to_device
from difftalker.config import FaceConfig
from difftalker.face.topology import COMPLETED_POINTS, MOUTH
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.prior_training import denoising_loss
from difftalker.painting.diffusion.raster import rasterise
from difftalker.training.loop import TrainingOptions, train
from difftalker.training.progress import LossHistory

_MOUTH_MARGIN = 0.03  # of the crop, around the mouth's landmarks


def train_face(
    network: FaceNetwork,
    prior: Prior,
    full: np.ndarray,
    upper: np.ndarray,
    landmarks: np.ndarray,
    features: np.ndarray,
    config: FaceConfig,
    **options: Unpack[TrainingOptions],
) -> LossHistory:
    """Train the upper branch and the injections beside the frozen prior.

    Args:
        network: trained in place.
        prior: the prior that `network` stands on.
        full, upper: latents of the training frames and of their upper-face images (n, c, h, w).
        landmarks: (n, 68, 2) float32, over the crop size.
        features: audio features (n, 16, 29) float32, for `condition: audio`.
        config: condition, noise on the landmarks, weight of the mouth, training.
        options: of every training.
    """
    device = options["device"]
    prior.to(device)
    if config.train.compile and config.condition == "landmarks":
        network.branch.compile()  # beside the network itself, which `train` compiles
    height, width = full.shape[-2:]
    size = width * prior.reduction
    context = prior.context.to(device)

    def predict(latents: Tensor, step: Tensor, rows: np.ndarray, above: Tensor, generator: torch.Generator) -> Tensor:
        if config.condition == "audio":
            signal = to_device(features[rows], device)
        else:
            signal = rasterise(perturb(landmarks[rows], config.landmark_noise, generator), size, device)
        return network(latents, step, network.encode_condition(above, signal, context))

    def weight(rows: np.ndarray) -> Tensor:
        return mouth_weight(landmarks[rows], height, width, config.mouth_weight)

    loss = denoising_loss(prior, full, upper, predict, device, weight)
    return train(network, loss, items=len(full), config=config.train, title="face", **options)


def perturb(landmarks: np.ndarray, deviation: float, generator: torch.Generator) -> np.ndarray:
    """Move the completed points of (b, 68, 2) by Gaussian noise: synthesis uses predicted, inexact landmarks."""
    moved = landmarks.copy()
    noise = torch.randn(len(landmarks), len(COMPLETED_POINTS), 2, generator=generator)
    moved[:, COMPLETED_POINTS] += deviation * noise.numpy()
    return moved


def mouth_weight(landmarks: np.ndarray, height: int, width: int, weight: float) -> Tensor:
    """`weight` on the latent positions that the mouth's bounding box touches, 1 elsewhere: (b, 1, height, width)."""
    mouth = landmarks[:, MOUTH]
    low, high = mouth.min(1) - _MOUTH_MARGIN, mouth.max(1) + _MOUTH_MARGIN  # (b, 2) x, y
    rows, columns = np.arange(height) / height, np.arange(width) / width
    inside_y = (rows + 1 / height > low[:, 1:]) & (rows < high[:, 1:])  # (b, height)
    inside_x = (columns + 1 / width > low[:, :1]) & (columns < high[:, :1])  # (b, width)
    inside = inside_y[:, :, None] & inside_x[:, None, :]
    return torch.from_numpy(np.where(inside, weight, 1.0).astype(np.float32))[:, None]
