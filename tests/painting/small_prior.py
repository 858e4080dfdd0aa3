"""A prior of a few thousand weights, for tests."""

import numpy as np
import torch

from difftalker.compute.device import seeded
from difftalker.config import PriorConfig, TrainConfig, UNetConfig
from difftalker.painting.diffusion.prior import Prior, build_small_prior

CPU = torch.device("cpu")
SIZE = 32
TRAIN = TrainConfig(steps=4, batch_size=2, learning_rate=0.001, warmup_steps=1, checkpoint_every=2)
CONFIG = PriorConfig(
    source="train",
    prediction="v_prediction",
    patch=8,
    latent_channels=4,
    unet=UNetConfig(channels=[16, 32], context_dim=8, train=TRAIN),
)


def crops(count: int = 6) -> np.ndarray:
    """Smooth pictures (count, SIZE, SIZE, 3) uint8, so that there is something to learn."""
    ramp = np.linspace(0, 255, SIZE)
    rows = [np.roll(ramp, 3 * i)[None].repeat(SIZE, 0) for i in range(count)]
    return np.stack([np.stack([row, row.T, 255 - row], -1) for row in rows]).astype(np.uint8)


def small_prior(seed: int = 0) -> Prior:
    with seeded(seed):
        prior = build_small_prior(CONFIG, SIZE).eval()
    prior.vae.fit(crops())
    with torch.no_grad():
        prior.unet.conv_out.weight.mul_(10)  # far from zero, so that equal outputs mean something
    return prior.requires_grad_(False)
