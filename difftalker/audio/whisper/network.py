"""The encoder of Whisper (Radford et al., 2022): two convolutions, then transformer layers with the norm first."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difftalker.audio.whisper.log_mel import MEL_BANDS


class WhisperNetwork(nn.Module):
    """Its first layers.

    Args:
        width: numbers in a row; `tiny` has 384.
        heads: attention heads; `tiny` has 6.
        layers: how many of the encoder's layers; all of `tiny` are 4.
    """

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(MEL_BANDS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))

    def forward(self, mel: Tensor) -> Tensor:
        """Rows of `log_mel` (b, 80, 2 n) -> (b, n, width), 50 per second. Every row hears all others."""
        x = F.gelu(self.conv1(mel))  # (b, width, 2 n)
        x = F.gelu(self.conv2(x)).transpose(1, 2)  # (b, n, width)
        x = x + positions(x.shape[1], x.shape[2]).to(x)
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(b, n, width) -> (b, n, width)."""
        batch, rows, width = x.shape
        parts = self.query_key_value(self.attention_norm(x)).view(batch, rows, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (b, heads, n, width / heads)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, rows, width)
        x = x + self.out(attended)
        return x + self.down(F.gelu(self.up(self.mlp_norm(x))))


def positions(rows: int, width: int) -> Tensor:
    """Sines, then cosines of the row's number, wavelengths 2 pi to 20,000 pi: (rows, width) float32."""
    half = width // 2
    rates = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half))
    angles = torch.arange(rows)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
