"""Contrastive training of the small SyncNet on runs of training frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difftalker.compute.device import seeded
from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.sync.lse import LARGEST_SHIFT, WINDOW_FRAMES
from difftalker.sync.network import SyncNet, row_of, sound_windows
from difftalker.training.loop import TrainingOptions, train
from difftalker.training.progress import LossHistory

_NEAR = 8  # sounds of the same run, shifted, that each window is compared with
_MOVE = 3  # pixels that a window may be moved by
_TEMPERATURE = 0.07  # at the start; learnt
_WARP = 0.2  # share by which frequencies are scaled up or down: other voices say the same words


@dataclass(frozen=True)
class TrainingRun:
    """Successive frames of one clip and their sound.

    Attributes:
        frames: lower halves, (t, 3, 48, 96) uint8.
        sound: log-mel rows from the first frame on, (rows, 29) float32.
    """

    frames: Tensor
    sound: Tensor


def train_syncnet(
    runs: Sequence[TrainingRun],
    fps: float,
    config: TrainConfig,
    **options: Unpack[TrainingOptions],
) -> tuple[SyncNet, LossHistory]:
    """Train from scratch: each window of five frames must find its own sound among shifted and foreign ones.

    The negatives are the sounds of the batch's other windows and, for each window, sounds of its own run that are up
    to 15 frames away.

    Args:
        runs: training frames.
        fps: frames per second.
        config: steps, batch size, rate and so on.
        options: of every training.

    Returns:
        The model in eval mode, and its losses.

    Raises:
        UserError: no run has the frames of two windows.
    """
    usable = [run for run in runs if len(run.frames) > WINDOW_FRAMES]
    if not usable:
        raise UserError(
            f"no {WINDOW_FRAMES + 1} training frames follow each other; add footage with a face in every frame"
        )
    device = options["device"]
    with seeded(options["seed"]):
        model = _Contrast(fps)
    windows = [len(run.frames) - WINDOW_FRAMES + 1 for run in usable]
    owner = torch.repeat_interleave(torch.arange(len(usable)), torch.tensor(windows))
    start = torch.cat([torch.arange(count) for count in windows])

    def loss(items: Tensor, generator: torch.Generator) -> Tensor:
        shift = torch.randint(-LARGEST_SHIFT, LARGEST_SHIFT + 1, (len(items), _NEAR), generator=generator)
        first = start[items]
        last = torch.tensor(windows)[owner[items]] - 1
        starts = torch.cat([first[:, None], (first[:, None] + shift).clamp_min(0).minimum(last[:, None])], 1)
        rows = torch.from_numpy(row_of(starts.numpy(), fps))  # (b, 1 + near)
        drawn = [usable[run] for run in owner[items].tolist()]
        lips = torch.stack([run.frames[a : a + WINDOW_FRAMES] for run, a in zip(drawn, first.tolist(), strict=True)])
        sounds = torch.stack([sound_windows(run.sound, r, model.net.rows) for run, r in zip(drawn, rows, strict=True)])
        is_own = starts == first[:, None]  # (b, 1 + near): a shift that was cut off at the run's end may be none
        return model(
            _vary_lips(lips.float(), generator).to(device), _vary_sound(sounds, generator).to(device), is_own.to(device)
        )

    history = train(model, loss, items=len(owner), config=config, title="syncnet", **options)
    return model.net, history


class _Contrast(nn.Module):
    """The networks with the loss's temperature."""

    def __init__(self, fps: float) -> None:
        super().__init__()
        self.net = SyncNet(fps)
        self.sharpness = nn.Parameter(torch.tensor(-math.log(_TEMPERATURE)))

    def forward(self, lips: Tensor, sounds: Tensor, is_own: Tensor) -> Tensor:
        """Cross-entropy of finding the own sound, and of finding the own lips.

        Args:
            lips: (b, 5, 3, 48, 96), values 0-255.
            sounds: (b, 1 + near, rows, 29), the own sound first.
            is_own: (b, 1 + near) bool: which of them are the own sound.
        """
        video = self.net.lip_vectors(lips)  # (b, d)
        audio = self.net.sound_vectors(sounds.flatten(0, 1)).view(*sounds.shape[:2], -1)  # (b, 1 + near, d)
        scale = self.sharpness.exp().clamp_max(50.0)
        foreign = scale * video @ audio[:, 0].T  # (b, b), the own sound on the diagonal
        near = scale * torch.einsum("bd,bnd->bn", video, audio[:, 1:])  # (b, near)
        near = near.masked_fill(is_own[:, 1:], float("-inf"))
        own = torch.arange(len(video), device=video.device)
        return (F.cross_entropy(torch.cat([foreign, near], 1), own) + F.cross_entropy(foreign.T, own)) / 2


def _vary_lips(windows: Tensor, generator: torch.Generator) -> Tensor:
    """Move, mirror, brighten and stretch the contrast of windows (b, 5, 3, h, w), each as a whole."""
    batch, *_, height, width = windows.shape
    padded = F.pad(windows.flatten(1, 2), [_MOVE] * 4, mode="replicate").view(
        batch, *windows.shape[1:3], height + 2 * _MOVE, width + 2 * _MOVE
    )
    moves = torch.randint(0, 2 * _MOVE + 1, (batch, 2), generator=generator).tolist()
    moved = torch.stack([p[..., y : y + height, x : x + width] for p, (y, x) in zip(padded, moves, strict=True)])
    mirrored = torch.rand(batch, generator=generator) < 0.5
    moved[mirrored] = moved[mirrored].flip(-1)
    gain, bias = (torch.rand(2, batch, 1, 1, 1, 1, generator=generator) * 2 - 1) * torch.tensor([0.2, 20.0]).view(
        2, 1, 1, 1, 1, 1
    )
    return (moved - 128) * (1 + gain) + 128 + bias


def _vary_sound(windows: Tensor, generator: torch.Generator) -> Tensor:
    """Change throat and loudness and blank a band of frequencies, alike for all sounds (b, n, rows, 29) of an item."""
    batch, bands = len(windows), windows.shape[-1]
    windows = warp_bands(windows, draw_factors(batch, _WARP, generator))
    gain = 0.1 * torch.randn(batch, 1, 1, 1, generator=generator)
    first = torch.randint(0, bands, (batch, 1), generator=generator)
    width = torch.randint(0, 6, (batch, 1), generator=generator)
    index = torch.arange(bands)
    blank = (index >= first) & (index < first + width)  # (b, 29)
    return (windows + gain).masked_fill(blank[:, None, None, :], -1.0)


def warp_bands(rows: Tensor, factors: Tensor) -> Tensor:
    """Vocal tract length perturbation (Jaitly and Hinton, 2013): the same words from a shorter or longer throat.

    Moves the spectrum along the frequency axis, by linear interpolation between bands.

    Args:
        rows: log-mel energies (b, ..., bands), the lowest band first.
        factors: (b,); band k takes the value of place k * factor, so above 1 formants become lower. 1 changes nothing.

    Returns:
        (b, ..., bands); beyond the highest band its value goes on.
    """
    bands = rows.shape[-1]
    places = torch.arange(bands, device=rows.device) * factors[:, None].to(rows.device)  # (b, bands)
    places = places.clamp(max=bands - 1).view(len(rows), *[1] * (rows.ndim - 2), bands).expand(rows.shape)
    below = places.floor().long()
    above = (below + 1).clamp(max=bands - 1)
    share = (places - below).to(rows.dtype)
    return rows.gather(-1, below) * (1 - share) + rows.gather(-1, above) * share


def draw_factors(count: int, spread: float, generator: torch.Generator) -> Tensor:
    """`count` factors between 1 - spread and 1 + spread, on the CPU."""
    return 1 + spread * (2 * torch.rand(count, generator=generator) - 1)
