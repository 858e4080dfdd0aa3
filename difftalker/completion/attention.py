"""Pre-norm transformer blocks and the coordinate MLP of landmark completion."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Mlp(nn.Sequential):
    """Two linear layers with a GELU between: (..., inputs) -> (..., outputs)."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


class Attention(nn.Module):
    """Multi-head attention from one set of tokens to another."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """`x` (b, t, dim) attends to `memory` (b, m, dim): (b, t, dim)."""
        batch, tokens, dim = x.shape
        query = self.query(x).view(batch, tokens, self.heads, -1).transpose(1, 2)  # (b, heads, t, dim / heads)
        key, value = self.key_value(memory).view(batch, -1, 2, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)  # (b, heads, t, dim / heads)
        return self.output(mixed.transpose(1, 2).reshape(batch, tokens, dim))


class SelfBlock(nn.Module):
    """Self-attention and MLP, each pre-normed and residual, with dropout on the residual branches."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, 2 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(b, t, dim) -> (b, t, dim)."""
        normed = self.norm_attention(x)
        x = x + self.dropout(self.attention(normed, normed))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class CrossBlock(nn.Module):
    """Attention from queries to a memory, and MLP, each pre-normed and residual, with dropout."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_query = nn.LayerNorm(dim)
        self.norm_memory = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads)
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = Mlp(dim, 2 * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """`x` (b, t, dim) reads `memory` (b, m, dim): (b, t, dim)."""
        x = x + self.dropout(self.attention(self.norm_query(x), self.norm_memory(memory)))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))
