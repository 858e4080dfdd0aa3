"""Landmark completion: the lower contour and the mouth from the upper points and the sound (paper, section 2.3).

Coordinates enter and leave as fractions of the crop side. Inside, they are deviations from a mean shape, in the frame
of the head: the similarity transform that best lays the points `RIGID` on the mean shape is taken off first and put
back at the end. The transform has no parameters and uses condition points alone, none that lids or lips move; so the
network need not learn head motion, which a few minutes of one speaker hardly show, and a blink moves no mouth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from difftalker.completion.attention import CrossBlock, Mlp, SelfBlock
from difftalker.completion.head_frame import SimilarityTransform
from difftalker.face.topology import CONDITION, CONTOUR, MOUTH, POINTS, RIGID
from difftalker.model_folder import load_weights, save_weights

AudioFusion = Literal["am", "bm", "none"]

_RIGID = np.searchsorted(CONDITION, RIGID)  # where the rigid points stand among the condition points


class Completion(NamedTuple):
    """Predicted points, fractions of the crop side.

    Attributes:
        contour: (n, 9, 2).
        base_mouth: the mouth before the sound is heard, (n, 20, 2).
        mouth: (n, 20, 2).
    """

    contour: Tensor
    base_mouth: Tensor
    mouth: Tensor


class AudioNetwork(nn.Module):
    """Temporal convolutions over the window of sixteen rows (paper, section 2.2)."""

    def __init__(self, bands: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(bands, hidden, 5, padding=2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(hidden, hidden, 5, padding=2),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(hidden, bands, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(b, 16, 29) -> (b, 16, 29)."""
        x = features.transpose(1, 2)  # (b, 29, 16)
        return (x + self.layers(x)).transpose(1, 2)


class LandmarkCompletion(nn.Module):
    """LF-Trans, BM-Trans, AM-Trans and the audio network.

    Args:
        dim: width of the tokens.
        heads: attention heads; divides `dim`.
        layers: self-attention blocks of each transformer, and blocks of AM-Trans.
        audio_fusion: `am`: the sound moves the mouth through AM-Trans alone (the paper's); `bm`: no AM-Trans, BM-Trans
            reads the audio tokens (the paper's ablation); `none`: no sound.
        dropout: on the residual branches, while training.
    """

    mean_shape: Tensor
    scale: Tensor
    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, dim: int, heads: int, layers: int, audio_fusion: AudioFusion, dropout: float = 0.1) -> None:
        super().__init__()
        self.config = {"dim": dim, "heads": heads, "layers": layers, "audio_fusion": audio_fusion, "dropout": dropout}
        self.audio_fusion = audio_fusion
        self.register_buffer("mean_shape", torch.zeros(POINTS, 2))
        self.register_buffer("scale", torch.ones(POINTS, 1))
        self.register_buffer("feature_mean", torch.zeros(29))
        self.register_buffer("feature_scale", torch.ones(()))
        self.point = nn.Parameter(0.02 * torch.randn(POINTS, dim))  # which point a token is
        self.embed = Mlp(2, dim, dim)  # the coordinate MLP
        self.lf_self = nn.ModuleList(SelfBlock(dim, heads, dropout) for _ in range(layers))
        self.lf_cross = CrossBlock(dim, heads, dropout)
        self.lf_head = _head(dim)
        self.bm_self = nn.ModuleList(SelfBlock(dim, heads, dropout) for _ in range(layers))
        self.bm_cross = CrossBlock(dim, heads, dropout)
        self.bm_head = _head(dim)
        if audio_fusion != "none":
            self.audio_network = AudioNetwork(29, dim, dropout)
            self.audio_embed = nn.Linear(29, dim)
            self.audio_position = nn.Parameter(0.02 * torch.randn(16, dim))
        if audio_fusion == "am":
            self.am_cross = nn.ModuleList(CrossBlock(dim, heads, dropout) for _ in range(layers))
            self.am_head = _head(dim)

    def fit(self, landmarks: Tensor, features: Tensor) -> None:
        """Set the mean shape and the scales from training data: (n, 68, 2) and (n, 16, 29)."""
        shape = landmarks.mean(0)
        for _ in range(3):  # generalised Procrustes analysis
            shape = SimilarityTransform(landmarks[:, RIGID], shape[RIGID]).normalise(landmarks).mean(0)
        aligned = SimilarityTransform(landmarks[:, RIGID], shape[RIGID]).normalise(landmarks)
        self.mean_shape.copy_(shape)
        self.scale.copy_((aligned - shape).square().mean((0, 2)).sqrt()[:, None].clamp_min(1e-6))
        self.feature_mean.copy_(features.mean((0, 1)))
        # One scale for all: to enlarge the weak components is to enlarge what tells voices apart rather than words.
        self.feature_scale.copy_((features - self.feature_mean).square().mean().sqrt().clamp_min(1e-3))

    def forward(self, condition: Tensor, features: Tensor) -> Completion:
        """Complete landmarks.

        Args:
            condition: the points `CONDITION`, (b, 39, 2), fractions of the crop side.
            features: audio features, (b, 16, 29).
        """
        shape = self.mean_shape
        pose = SimilarityTransform(condition[:, _RIGID], shape[RIGID])
        upper = (pose.normalise(condition) - shape[CONDITION]) / self.scale[CONDITION]  # (b, 39, 2)
        upper_tokens = self._tokens(upper, CONDITION)  # (b, 39, dim)

        contour = self._read(upper_tokens, self.lf_self, self.lf_cross, self.lf_head, CONTOUR)  # (b, 9, 2)

        memory = torch.cat([upper_tokens, self._tokens(contour, CONTOUR)], 1)  # (b, 48, dim)
        if self.audio_fusion == "bm":
            memory = torch.cat([memory, self._audio_tokens(features)], 1)  # (b, 64, dim)
        base = self._read(memory, self.bm_self, self.bm_cross, self.bm_head, MOUTH)  # (b, 20, 2)

        mouth = base + self._offset(base, features) if self.audio_fusion == "am" else base  # (b, 20, 2)
        points = ((contour, CONTOUR), (base, MOUTH), (mouth, MOUTH))
        return Completion(*(pose.restore(shape[index] + self.scale[index] * value) for value, index in points))

    def _tokens(self, points: Tensor, index: np.ndarray) -> Tensor:
        return self.embed(points) + self.point[index]

    def _audio_tokens(self, features: Tensor) -> Tensor:
        normal = (features - self.feature_mean) / self.feature_scale
        return self.audio_embed(self.audio_network(normal)) + self.audio_position  # (b, 16, dim)

    def _read(
        self, memory: Tensor, blocks: nn.ModuleList, cross: CrossBlock, head: nn.Module, index: np.ndarray
    ) -> Tensor:
        for block in blocks:
            memory = block(memory)
        queries = self.point[index].expand(len(memory), -1, -1)  # (b, points, dim)
        return head(cross(queries, memory))  # (b, points, 2)

    def _offset(self, base: Tensor, features: Tensor) -> Tensor:
        tokens, audio = self._tokens(base, MOUTH), self._audio_tokens(features)
        for block in self.am_cross:
            tokens = block(tokens, audio)
        return self.am_head(tokens)  # (b, 20, 2)

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` into `folder`."""
        save_weights(self, folder, self.config)

    @classmethod
    def load(cls, folder: Path) -> LandmarkCompletion:
        """Read what `save` wrote, in eval mode.

        Raises:
            UserError: a file is missing, damaged or does not fit.
        """
        return load_weights(folder, lambda config: cls(**config)).eval()


def _head(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(dim), Mlp(dim, dim, 2))


@torch.no_grad()
def complete(
    model: LandmarkCompletion, landmarks: np.ndarray, features: np.ndarray, batch_size: int = 256
) -> np.ndarray:
    """Replace the lower contour and the mouth of every frame by the prediction.

    In whatever place, size and tilt faces are given they are completed: over the crop size, or in the head's frame.

    Args:
        model: on any device, in eval mode.
        landmarks: (n, 68, 2) float32, of which only the points `CONDITION` are read and kept.
        features: (n, 16, 29) float32.
        batch_size: frames at once.

    Returns:
        (n, 68, 2) float32.
    """
    device = model.mean_shape.device
    completed = landmarks.astype(np.float32, copy=True)
    for start in range(0, len(landmarks), batch_size):
        part = slice(start, start + batch_size)
        condition = torch.from_numpy(completed[part][:, CONDITION]).to(device)
        result = model(condition, torch.from_numpy(features[part].astype(np.float32)).to(device))
        completed[part, CONTOUR] = result.contour.cpu().numpy()
        completed[part, MOUTH] = result.mouth.cpu().numpy()
    return completed
