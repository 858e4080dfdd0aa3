"""Wav2Lip's generator (Prajwal et al., A Lip Sync Expert Is All You Need, 2020), from its layers, for time alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# (channels in, channels out, stride, residual blocks after it), one list per resolution.
_FACE = ((16, 32, 2, 2), (32, 64, 2, 3), (64, 128, 2, 2), (128, 256, 2, 2), (256, 512, 2, 1))
_SOUND = ((1, 32, 1, 2), (32, 64, (3, 1), 2), (64, 128, 3, 2), (128, 256, (3, 2), 1))
_UP = ((1024, 512, 2), (768, 384, 2), (512, 256, 2), (320, 128, 2), (160, 64, 2))


class Wav2Lip(nn.Module):
    """Mel windows (b, 1, 80, 16) and faces (b, 6, 96, 96) -> mouths (b, 3, 96, 96) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        first = [_block(6, 16, 7, 1, 3)]
        down = [nn.Sequential(_block(i, o, 3, stride), *_residuals(o, count)) for i, o, stride, count in _FACE]
        last = [nn.Sequential(_block(512, 512, 3, 1, 0), _block(512, 512, 1, 1, 0))]
        self.face = nn.ModuleList([*first, *down, *last])
        sound = [nn.Sequential(_block(i, o, 3, stride), *_residuals(o, count)) for i, o, stride, count in _SOUND]
        self.sound = nn.Sequential(*sound, _block(256, 512, 3, 1, 0), _block(512, 512, 1, 1, 0))
        up = [nn.Sequential(_transposed(i, o, 2, 1, 1), *_residuals(o, count)) for i, o, count in _UP]
        start = nn.Sequential(_transposed(1024, 512, 1, 0, 0), *_residuals(512, 1))
        self.up = nn.ModuleList([_block(512, 512, 1, 1, 0), start, *up])
        self.output = nn.Sequential(_block(80, 32), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        skipped = []
        for layer in self.face:
            face = layer(face)
            skipped.append(face)  # (b, 16, 96, 96) to (b, 512, 1, 1)
        x = self.sound(mel)  # (b, 512, 1, 1)
        for layer in self.up:
            x = torch.cat([layer(x), skipped.pop()], 1)
        return self.output(x)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layers(x) + x)


def _residuals(channels: int, count: int) -> list[nn.Module]:
    return [_Residual(channels) for _ in range(count)]


def _block(
    inputs: int, outputs: int, kernel: int = 3, stride: int | tuple[int, int] = 1, padding: int = 1
) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs), nn.ReLU())


def _transposed(inputs: int, outputs: int, stride: int, padding: int, extra: int) -> nn.Module:
    layer = nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, extra)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())
