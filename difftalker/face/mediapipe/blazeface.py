"""BlazeFace: single-shot face detectors for large and for small faces (Bazarevsky et al. 2019, MediaPipe).

Every anchor, a place in the picture, gives the logarithm of the odds of a face and 16 numbers relative to it: middle
and size of the face's box, and six points (eyes, nose, mouth, ears). The numbers are fractions of the picture's side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUMBERS_PER_ANCHOR = 16  # of an anchor: box x, y, w, h and six points x, y


class ShortRangeBlock(nn.Module):
    """Depthwise and pointwise convolution beside a skip connection, then ReLU; `stride` 2 halves the sides."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.more = stride, out - channels
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, padding=2 - stride, groups=channels)
        self.pointwise = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip, inner = x, x
        if self.stride == 2:
            skip, inner = F.max_pool2d(x, 2), F.pad(x, (0, 1, 0, 1))
        skip = F.pad(skip, (0, 0, 0, 0, 0, self.more))  # (n, out, h, w)
        return F.relu(skip + self.pointwise(self.depthwise(inner)))


class ShortRange(nn.Module):
    """The detector of faces from a sixth of the picture on."""

    side = 128  # of its picture in pixels
    grids = ((16, 2), (8, 6))  # places along a side, and anchors at each

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 5, 2)
        early = [(24, 24), (24, 28), (28, 32, 2), (32, 36), (36, 42), (42, 48, 2), (48, 56), (56, 64), (64, 72)]
        early += [(72, 80), (80, 88)]
        late = [(88, 96, 2), *[(96, 96)] * 4]
        self.early = nn.Sequential(*(ShortRangeBlock(*sizes) for sizes in early))
        self.late = nn.Sequential(*(ShortRangeBlock(*sizes) for sizes in late))
        self.scores = nn.ModuleList([nn.Conv2d(88, 2, 1), nn.Conv2d(96, 6, 1)])
        self.numbers = nn.ModuleList(
            [nn.Conv2d(88, 2 * NUMBERS_PER_ANCHOR, 1), nn.Conv2d(96, 6 * NUMBERS_PER_ANCHOR, 1)]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (n, 3, 128, 128) in [-1, 1] -> scores (n, 896) and numbers (n, 896, 16) in pixels."""
        early = self.early(F.relu(self.stem(F.pad(x, (1, 2, 1, 2)))))  # (n, 88, 16, 16)
        maps = (early, self.late(early))  # (n, 96, 8, 8)
        scores = [_list(head(each), 1) for head, each in zip(self.scores, maps, strict=True)]
        numbers = [_list(head(each), NUMBERS_PER_ANCHOR) for head, each in zip(self.numbers, maps, strict=True)]
        return torch.cat(scores, 1)[..., 0], torch.cat(numbers, 1)


class DepthwiseSeparable(nn.Sequential):
    """Depthwise and pointwise convolution."""

    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(channels, channels, 3, stride, 1, groups=channels), nn.Conv2d(channels, out, 1))


class FullRangeBlock(nn.Module):
    """Two depthwise separable convolutions with few channels between, and a skip connection where sizes allow."""

    def __init__(self, channels: int, between: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.skips = channels == out and stride == 1
        self.reduce, self.expand = DepthwiseSeparable(channels, between, stride), DepthwiseSeparable(between, out)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.expand(F.relu(self.reduce(x)))
        return F.relu(x + inner) if self.skips else F.relu(inner)


class FullRange(nn.Module):
    """The detector of faces from a twentieth of the picture on, with a feature pyramid."""

    side = 192
    grids = ((48, 1),)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, 1)
        self.down = nn.ModuleList(
            [
                nn.Sequential(FullRangeBlock(32, 8, 32), FullRangeBlock(32, 8, 32)),  # 96 x 96
                nn.Sequential(
                    FullRangeBlock(32, 16, 64, 2), FullRangeBlock(64, 16, 64), FullRangeBlock(64, 16, 64)
                ),  # 48 x 48
                nn.Sequential(
                    FullRangeBlock(64, 32, 128, 2), FullRangeBlock(128, 32, 128), FullRangeBlock(128, 32, 128)
                ),
                nn.Sequential(
                    FullRangeBlock(128, 48, 192, 2), FullRangeBlock(192, 48, 192), FullRangeBlock(192, 48, 192)
                ),
                nn.Sequential(
                    FullRangeBlock(192, 96, 384, 2), *(FullRangeBlock(384, 96, 384) for _ in range(3))
                ),  # 6 x 6
            ]
        )
        sizes = ((64, 48), (128, 64), (192, 96))  # channels of the way down, and of the way up
        self.across = nn.ModuleList([nn.Conv2d(*size, 1) for size in sizes])
        self.up = nn.ModuleList([nn.Conv2d(*size, 1) for size in ((64, 48), (96, 64), (384, 96))])
        self.merge = nn.ModuleList(
            [
                FullRangeBlock(48, 24, 48),
                nn.Sequential(FullRangeBlock(64, 32, 64), FullRangeBlock(64, 32, 64)),
                nn.Sequential(FullRangeBlock(96, 48, 96), FullRangeBlock(96, 48, 96)),
            ]
        )
        self.scores = nn.Sequential(nn.Conv2d(48, 4, 1), nn.Conv2d(4, 4, 3, 2, 1, groups=4))
        self.numbers = nn.Sequential(nn.Conv2d(48, 64, 1), nn.Conv2d(64, 64, 3, 2, 1, groups=64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (n, 3, 192, 192) in [-1, 1] -> scores (n, 2304) and numbers (n, 2304, 16) in pixels."""
        x = F.relu(self.stem(x))
        passed = []
        for step in self.down:
            x = step(x)
            passed.append(x)
        for level in (2, 1, 0):  # 12, 24 and 48 pixels wide
            finer = F.interpolate(F.relu(self.up[level](x)), scale_factor=2, mode="bilinear", align_corners=False)
            x = self.merge[level](F.relu(self.across[level](passed[level + 1])) + finer)
        return _list(_spread(self.scores(x)), 1)[..., 0], _list(_spread(self.numbers(x)), NUMBERS_PER_ANCHOR)


def anchors(network: ShortRange | FullRange) -> Tensor:
    """The places of a network's anchors, (k, 2) x, y as fractions of the side."""
    parts = []
    for places, count in network.grids:
        along = (torch.arange(places) + 0.5) / places
        grid = torch.stack(torch.meshgrid(along, along, indexing="xy"), -1).reshape(-1, 1, 2)
        parts.append(grid.expand(-1, count, 2).reshape(-1, 2))
    return torch.cat(parts)


def _list(maps: Tensor, numbers: int) -> Tensor:
    """(n, anchors * numbers, h, w) -> (n, h * w * anchors, numbers)."""
    return maps.permute(0, 2, 3, 1).reshape(len(maps), -1, numbers)


def _spread(x: Tensor) -> Tensor:
    """Channels to places, the place being the slower index: (n, 4 c, h, w) -> (n, c, 2 h, 2 w)."""
    n, _, h, w = x.shape
    return x.reshape(n, 2, 2, -1, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, -1, 2 * h, 2 * w)
