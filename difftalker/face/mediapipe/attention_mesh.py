"""The attention mesh: 468 points of a face, those of the lips and eyes refined (Grishchenko et al. 2020, MediaPipe).

One trunk gives all points coarsely. Around the lips and each eye, a window of the trunk's early features is cut out
along the coarse points, turned upright, and read again by a branch of its own, whose points replace the coarse ones:
this is what makes lips close. The irises, the third coordinate and their weights are left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difftalker.face.mediapipe.mesh_points import MESH_LEFT_EYE, MESH_LIPS, MESH_RIGHT_EYE

MESH_INPUT = 192  # side of the picture in pixels
MESH_POINTS = 468

_STRIDE = 4  # of the features that the branches read
_WINDOW = 16  # side of a branch's input
_ROOM = 1.5  # side of its window over the extent of the coarse points
_REFINED = 64.0  # branches give points in units of a 64th of the window


class MeshBlock(nn.Module):
    """Depthwise and pointwise convolution beside a skip connection, then PReLU; `stride` 2 halves the sides."""

    def __init__(self, channels: int, out: int | None = None, stride: int = 1) -> None:
        super().__init__()
        out = out or channels
        self.stride, self.more = stride, out - channels
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, padding=2 - stride, groups=channels)
        self.pointwise = nn.Conv2d(channels, out, 1)
        self.activation = nn.PReLU(out)

    def forward(self, x: Tensor) -> Tensor:
        skip, inner = x, x
        if self.stride == 2:
            skip, inner = F.max_pool2d(x, 2), F.pad(x, (0, 1, 0, 1))
        if self.more:
            skip = F.pad(skip, (0, 0, 0, 0, 0, self.more))  # (n, out, h, w)
        return self.activation(skip + self.pointwise(self.depthwise(inner)))


class MeshHead(nn.Sequential):
    """Features (n, 128, side, side) -> (n, out)."""

    def __init__(self, out: int, side: int) -> None:
        super().__init__(nn.Conv2d(128, 32, 1), nn.PReLU(32), MeshBlock(32), nn.Conv2d(32, out, side), nn.Flatten())


def _from_early_features() -> list[nn.Module]:
    """The blocks that trunk and branches begin with: (n, 32, h, w) to (n, 128, h / 4, w / 4)."""
    blocks = (MeshBlock(32), MeshBlock(32), MeshBlock(32, 64, 2), MeshBlock(64), MeshBlock(64), MeshBlock(64, 128, 2))
    return list(blocks)


class MeshBranch(nn.Module):
    """Points of the lips or of one eye from the trunk's early features.

    Args:
        indices: the points in the mesh.
        corners: left and right corner, which turn the window.
    """

    def __init__(self, indices: tuple[int, ...], corners: tuple[int, int]) -> None:
        super().__init__()
        self.indices, self.corners = list(indices), list(corners)
        layers = _from_early_features()
        layers += [MeshBlock(128), MeshBlock(128), MeshBlock(128, stride=2), MeshBlock(128), MeshBlock(128)]
        self.layers = nn.Sequential(*layers)
        self.head = MeshHead(2 * len(indices), 2)

    def forward(self, features: Tensor, points: Tensor) -> Tensor:
        """Features (n, 32, 48, 48) and coarse points (n, 468, 2) in features' pixels -> (n, k, 2) in the picture's."""
        matrix, shift = branch_window(points[:, self.indices], *points[:, self.corners].unbind(1))
        refined = self.head(self.layers(sample_branch_window(features, matrix, shift))).unflatten(
            1, (-1, 2)
        )  # (n, k, 2)
        return refined * (_STRIDE * _WINDOW / _REFINED) @ matrix.mT + _STRIDE * shift[:, None]


class AttentionMesh(nn.Module):
    """Pictures of a face, upright and filling about two thirds, to the points of its mesh."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2), nn.PReLU(16))
        self.early = nn.Sequential(MeshBlock(16), MeshBlock(16), MeshBlock(16, 32, 2))
        layers = [*_from_early_features(), MeshBlock(128), MeshBlock(128)]
        layers += [MeshBlock(128, stride=2), MeshBlock(128), MeshBlock(128)]
        layers += [MeshBlock(128, stride=2), MeshBlock(128), MeshBlock(128)]
        self.late = nn.Sequential(*layers)
        self.reduce = nn.Sequential(nn.Conv2d(128, 32, 1), nn.PReLU(32), MeshBlock(32))
        self.coarse = nn.Conv2d(32, 3 * MESH_POINTS, 3)
        self.presence = nn.Conv2d(32, 1, 3)
        self.lips = MeshBranch(MESH_LIPS, (61, 291))
        self.left_eye = MeshBranch(MESH_LEFT_EYE, (33, 133))
        self.right_eye = MeshBranch(MESH_RIGHT_EYE, (362, 263))

    def forward(self, x: Tensor, refine: bool = True) -> tuple[Tensor, Tensor]:
        """Find the points.

        Args:
            x: (n, 3, 192, 192) RGB in [0, 1].
            refine: whether the branches run; without them it takes half the time, and lips do not quite close.

        Returns:
            points (n, 468, 2) in pixels, pixel k reaching from k to k + 1, and the probability (n,) of a face.
        """
        early = self.early(self.stem(F.pad(x, (0, 1, 0, 1))))  # (n, 32, 48, 48)
        late = self.reduce(self.late(early))  # (n, 32, 3, 3)
        coarse = self.coarse(late).reshape(-1, MESH_POINTS, 3)[..., :2]
        presence = self.presence(late).flatten().sigmoid()
        if not refine:
            return coarse, presence
        points = coarse.clone()
        for branch in (self.lips, self.left_eye, self.right_eye):
            points[:, branch.indices] = branch(early, coarse / _STRIDE)
        return points, presence


def branch_window(points: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The window of a branch: turned along its corners, around its points with some room.

    Args:
        points: (n, k, 2) coarse points; left, right: (n, 2) its corners; in features' pixels.

    Returns:
        matrix (n, 2, 2) and shift (n, 2): window pixel q lies at `matrix @ q + shift` of the features.
    """
    along = right - left
    angle = torch.atan2(along[:, 1], along[:, 0])
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (n, 2, 2) window to features
    upright = points @ turn  # (n, k, 2): turned back
    low, high = upright.amin(1), upright.amax(1)
    matrix = turn * (_ROOM / _WINDOW * (high - low))[:, None]
    centre = (turn @ ((low + high) / 2)[..., None])[..., 0]
    return matrix, centre - matrix.sum(2) * _WINDOW / 2


def sample_branch_window(features: Tensor, matrix: Tensor, shift: Tensor) -> Tensor:
    """Sample a window of the features, zero where it leaves them: (n, c, h, w) -> (n, c, 16, 16)."""
    size = torch.tensor(features.shape[:1:-1], dtype=matrix.dtype, device=matrix.device)  # w, h
    steps = torch.arange(_WINDOW, dtype=matrix.dtype, device=matrix.device) + 0.5
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(1, -1, 2)
    at = grid @ matrix.mT + shift[:, None]  # (n, 256, 2)
    inside = ((at >= 0.5) & (at <= size - 0.5)).all(-1).reshape(-1, 1, _WINDOW, _WINDOW)
    places = (2 * at / size - 1).reshape(-1, _WINDOW, _WINDOW, 2)
    return F.grid_sample(features, places, align_corners=False) * inside
