"""Pixel losses of the reference decoder, weighted by place.

Images in [-1, 1] of shape (b, 3, h, w), weights (b, 1, h, w). A squared error alone paints the mean of all mouths that
fit, which is blurred; so edges and their local strength count too, and a discriminator judges patches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_ENERGY_WINDOW = 7  # pixels
_LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def laplacian(images: Tensor) -> Tensor:
    """Each channel's discrete Laplacian, same shape."""
    channels = images.shape[1]
    kernel = _LAPLACIAN.to(images).expand(channels, 1, 3, 3)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)


def absolute_error(painted: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of the absolute difference."""
    return ((painted - true).abs() * weight).mean() / weight.mean()


def energy_error(painted: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean difference of the local root mean square of two Laplacians: how sharp each place is."""
    return absolute_error(_local_energy(painted), _local_energy(true), weight)


def _local_energy(edges: Tensor) -> Tensor:
    squares = edges.square().mean(dim=1, keepdim=True)  # (b, 1, h, w)
    return (F.avg_pool2d(squares, _ENERGY_WINDOW, 1, _ENERGY_WINDOW // 2) + 1e-5).sqrt()


class PatchDiscriminator(nn.Module):
    """Tells painted patches from true ones, given the raster; spectrally normalised.

    Args:
        channels: of pictures and condition together.
        width: channels of the first layer.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        normal = nn.utils.parametrizations.spectral_norm
        self.layers = nn.Sequential(
            normal(nn.Conv2d(channels, width, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            normal(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2),
            normal(nn.Conv2d(2 * width, 4 * width, 3, 1, 1)),
            nn.LeakyReLU(0.2),
            normal(nn.Conv2d(4 * width, 1, 3, 1, 1)),
        )

    def forward(self, images: Tensor, condition: Tensor) -> Tensor:
        """Images (b, 3, h, w) and condition (b, c, h, w) to one judgement per patch, (b, 1, h / 4, w / 4)."""
        judged: Tensor = self.layers(torch.cat([images, condition], dim=1))
        return judged


def hinge_loss(true: Tensor, painted: Tensor) -> Tensor:
    """What the discriminator minimises, from its judgements of both (Lim and Ye, 2017)."""
    return F.relu(1 - true).mean() + F.relu(1 + painted).mean()
