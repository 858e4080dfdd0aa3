"""The small prior's autoencoder: a linear transform of square patches, fitted in closed form.

Principal components of 8 x 8 patches. On 128-px faces, 32 numbers a patch keep 35 dB, where a convolutional
`AutoencoderKL` of the same latent size reaches 27 dB after a quarter of an hour of training on two cores
(docs/ablations.md). It costs nothing to run, and a latent knows its own patch only: no pixel of the lower half leaks
into the clean upper rows.

Shapes: b batch, h and w image size, p patch, k latent channels, d = 3 * p * p.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor

# Latent channels have the deviation of their component to this power. 1 would be plain principal components, whose
# weak channels drown in the first noise of the schedule; 0 would be whitening, which makes faint texture as important
# as the face.
_POWER = 0.5


class PatchAutoencoder(ModelMixin, ConfigMixin):
    """Images (b, 3, h, w) in [-1, 1] to latents (b, k, h/p, w/p) of unit overall variance, and back.

    Args:
        patch: side of a patch in pixels.
        latent_channels: principal components kept, at most 3 * patch * patch.
    """

    mean: Tensor
    basis: Tensor
    scale: Tensor

    @register_to_config
    def __init__(self, patch: int, latent_channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3 * patch**2))  # (d,)
        self.register_buffer("basis", torch.zeros(latent_channels, 3 * patch**2))  # (k, d), orthonormal rows
        self.register_buffer("scale", torch.ones(latent_channels))  # (k,), component = latent * scale
        self.register_buffer("decoder_mean", torch.zeros(3 * patch**2))  # (d,)
        self.register_buffer("decoder", torch.zeros(latent_channels, 3 * patch**2))  # (k, d)

    def fit(self, images: np.ndarray) -> PatchAutoencoder:
        """Find the principal components of the patches of the images' lower halves, which are what is generated.

        Args:
            images: (n, h, w, 3) uint8 RGB.
        """
        p, d = self.config.patch, self.mean.numel()
        total, moment, count = np.zeros(d), np.zeros((d, d)), 0
        for image in images:
            lower = torch.from_numpy(image[image.shape[0] // 2 :].astype(np.float64) / 127.5 - 1).permute(2, 0, 1)
            patches = F.pixel_unshuffle(lower[None], p)[0].flatten(1).numpy()  # (d, patches)
            total += patches.sum(1)
            moment += patches @ patches.T
            count += patches.shape[1]
        mean = total / count
        variance, vectors = np.linalg.eigh(moment / count - np.outer(mean, mean))
        first = np.argsort(variance)[::-1][: self.config.latent_channels]
        basis, deviation = vectors[:, first].T, np.sqrt(np.maximum(variance[first], 1e-8))
        basis *= np.sign(basis[np.arange(len(basis)), np.abs(basis).argmax(1)])[:, None]  # eigenvectors have no sign
        latent_deviation = deviation**_POWER / np.sqrt((deviation ** (2 * _POWER)).mean())
        scale = deviation / latent_deviation
        for buffer, value in (
            (self.mean, mean),
            (self.basis, basis),
            (self.scale, scale),
            (self.decoder_mean, mean),
            (self.decoder, basis * scale[:, None]),
        ):
            buffer.copy_(torch.from_numpy(value))
        return self

    def encode(self, images: Tensor) -> Tensor:
        """(b, 3, h, w) to (b, k, h/p, w/p)."""
        patches = F.pixel_unshuffle(images, self.config.patch) - self.mean.view(-1, 1, 1)  # (b, d, h/p, w/p)
        return F.conv2d(patches, (self.basis / self.scale[:, None])[:, :, None, None])

    def decode(self, latents: Tensor) -> Tensor:
        """(b, k, h/p, w/p) to (b, 3, h, w)."""
        patches = F.conv2d(latents, self.decoder.T[:, :, None, None])  # (b, d, h/p, w/p)
        return F.pixel_shuffle(patches + self.decoder_mean.view(-1, 1, 1), self.config.patch)
