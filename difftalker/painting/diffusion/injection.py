"""Landmark features enter the frozen decoder: zero-initialised, local cross-attention (paper, section 2.4).

Deviation from plain attention: queries and keys carry their positions, and a Gaussian prior on the distance makes each
position look at its own neighbourhood first. Landmarks are local evidence; without this a short training learns the
average mouth and ignores the landmarks.

Shapes: b batch, c channels of the decoder, d channels of the features, h x w positions, n = h * w.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LandmarkInjection(nn.Module):
    """Add to decoder features what cross-attention reads from the upper branch; zero at initialisation.

    Args:
        channels: channels of the decoder's feature map (queries).
        feature_channels: channels of the upper branch's feature map of the same size (keys, values).
        heads: attention heads; each learns its own width of neighbourhood.
    """

    def __init__(self, channels: int, feature_channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm = nn.LayerNorm(channels)
        self.feature_norm = nn.LayerNorm(feature_channels)
        self.to_query = nn.Linear(channels, channels, bias=False)
        self.to_key = nn.Linear(feature_channels, channels, bias=False)
        self.to_value = nn.Linear(feature_channels, channels)
        self.to_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)
        # exp(sharpness) = 1 / (2 sigma^2), sigma in positions: from 0.4 (itself) to 1.8 (a neighbourhood).
        sigma = torch.linspace(0.4, 1.8, heads)
        self.sharpness = nn.Parameter(-torch.log(2 * sigma**2))

    def forward(self, hidden: Tensor, features: Tensor) -> Tensor:
        """Args: hidden (b, c, h, w), features (b, d, h, w). Returns (b, c, h, w)."""
        b, c, h, w = hidden.shape
        query = self.query_norm(hidden.flatten(2).transpose(1, 2))  # (b, n, c)
        source = self.feature_norm(features.flatten(2).transpose(1, 2))  # (b, n, d)
        q = self._split(self.to_query(query))  # (b, heads, n, c/heads)
        k = self._split(self.to_key(source))  # (b, heads, n, c/heads)
        v = self._split(self.to_value(source))  # (b, heads, n, c/heads)
        scale = 1 / math.sqrt(q.shape[-1])
        place_q, place_k = self._positions(h, w, hidden.device)  # (heads, n, 3) each
        if q.dtype != torch.float32:
            place_q, place_k = _split_precision(place_q, place_k, q.dtype)  # (heads, n, 7) each
        q = torch.cat([q * scale, place_q.expand(b, -1, -1, -1)], dim=-1)
        k = torch.cat([k, place_k.expand(b, -1, -1, -1)], dim=-1)
        # Fused attention wants values as wide as the keys; without it memory grows with n * n (4,096 at 512 px).
        v = F.pad(v, (0, q.shape[-1] - v.shape[-1]))
        mixed = F.scaled_dot_product_attention(q, k, v, scale=1.0)[..., : c // self.heads]  # (b, heads, n, c/heads)
        out = self.to_out(mixed.transpose(1, 2).reshape(b, h * w, c))  # (b, n, c)
        return hidden + out.transpose(1, 2).reshape(b, c, h, w)

    def _split(self, tokens: Tensor) -> Tensor:
        b, n, c = tokens.shape
        return tokens.view(b, n, self.heads, c // self.heads).transpose(1, 2)

    def _positions(self, h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Vectors whose dot product is -s |p - p'|^2 plus a term that the softmax over keys cancels: float32.

        Three more components per head cost nothing, where a full (n, n) bias would be large at 64 x 64 positions.
        """
        rows, columns = torch.meshgrid(
            torch.arange(h, device=device) - (h - 1) / 2,
            torch.arange(w, device=device) - (w - 1) / 2,
            indexing="ij",
        )
        place = torch.stack([rows.flatten(), columns.flatten()], dim=-1)  # (n, 2)
        square = place.square().sum(-1, keepdim=True)  # (n, 1)
        s = self.sharpness.float().exp().view(-1, 1, 1)  # (heads, 1, 1)
        q = s * torch.cat([2 * place, -torch.ones_like(square)], dim=-1)  # (heads, n, 3)
        k = torch.cat([place, square], dim=-1).expand(self.heads, -1, -1)  # (heads, n, 3)
        return q, k


def _split_precision(q: Tensor, k: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Write components as a rounded value and the rest, so that dot products keep more than the type's precision.

    The square of a distance at 64 x 64 positions needs 13 bits and bfloat16 has 8: rounded alone, the scores would be
    wrong by more than the distances between neighbours. Rows and columns themselves are exact, up to 256 of them.

    Args:
        q, k: (heads, n, 3) float32.
        dtype: what the attention computes in; it sums in float32.

    Returns:
        (heads, n, 7) each: rounded * rounded, rest * rounded, and of the squares also rounded * rest.
    """
    (q0, q1), (k0, k1) = ((x.to(dtype), (x - x.to(dtype).float()).to(dtype)) for x in (q, k))
    return torch.cat([q0, q1, q0[..., 2:]], dim=-1), torch.cat([k0, k0, k1[..., 2:]], dim=-1)
