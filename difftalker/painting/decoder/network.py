"""A small convolutional network that paints the lower face's pixels, with a few frames of the speaker at hand.

The masked diffusion places the face's appearance on a coarse grid of latents. What it cannot place there (teeth, the
outline of lips, skin texture) this network takes from the reference frames, moved onto the completed landmarks: it
gives every pixel a weight per reference and adds a residual. It is a deviation from the paper, whose decoder is Stable
Diffusion's; its relatives are generators that see the speaker, and diffusers' `AsymmetricAutoencoderKL`.

Shapes: b batch, r references, size x size the crop, height x size the rows that the network sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difftalker.compute.device import to_device
from difftalker.model_folder import load_weights, save_weights
from difftalker.painting.decoder.grain import grain
from difftalker.painting.decoder.references import match_light, mouth_distance
from difftalker.painting.decoder.warp import control_points, warp, warp_map
from difftalker.painting.diffusion.prior import to_tensor
from difftalker.painting.diffusion.raster import RASTER_CHANNELS, rasterise
from difftalker.painting.diffusion.upper_face import upper_face

_LEVELS = 3  # halvings below the resolution of 2 x 2 pixels at which the network starts
_MULTIPLE = 2 * 2**_LEVELS
_GROUPS = 8
_SELECTIVITY = 8.0  # at the start: how strongly a reference with a like mouth is preferred


def painted_rows(size: int) -> int:
    """Number of the crop's last rows that the network sees: the lower half and, for the light, a part above it."""
    return min(size, -(-5 * size // 8 // _MULTIPLE) * _MULTIPLE)


class ReferenceDecoder(nn.Module):
    """From the diffusion's result, the upper face, the completed landmarks and the reference frames to pixels.

    The reference frames and the strength of the footage's grain are part of the network, saved with its weights.

    Args:
        size: side of the crop in pixels, a multiple of 16.
        references: number r of reference frames.
        width: channels at the finest level.
    """

    reference_images: Tensor
    reference_landmarks: Tensor
    grain_strength: Tensor

    def __init__(self, size: int, references: int, width: int) -> None:
        super().__init__()
        self.config = {"decoder": "reference", "size": size, "references": references, "width": width}
        self.height = painted_rows(size)
        self.register_buffer("reference_images", torch.zeros(references, 3, size, size, dtype=torch.uint8))
        self.register_buffer("reference_landmarks", torch.zeros(references, 68, 2))
        self.register_buffer("grain_strength", torch.zeros(()))  # grey levels
        channels = 4 * (3 + 3 + RASTER_CHANNELS + 3 * references)
        w1, w2, w3 = width, 2 * width, 3 * width
        self.conv_in = nn.Conv2d(channels, w1, 3, padding=1)
        self.down = nn.ModuleList([_Block(w1, w1), _Block(w1, w2), _Block(w2, w3)])
        self.middle = _Block(w3, w3)
        self.up = nn.ModuleList([_Block(2 * w3, w2), _Block(2 * w2, w1), _Block(2 * w1, w1)])
        self.conv_out = nn.Conv2d(w1, 4 * (3 + references), 3, padding=1)
        for parameter in self.conv_out.parameters():
            nn.init.zeros_(parameter)
        self.selectivity = nn.Parameter(torch.tensor(_SELECTIVITY).log())

    def set_references(self, images: np.ndarray, landmarks: np.ndarray) -> None:
        """Take the reference frames: crops (r, size, size, 3) uint8 RGB, landmarks (r, 68, 2) over the crop size."""
        self.reference_images.copy_(torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2))
        self.reference_landmarks.copy_(torch.from_numpy(landmarks))

    def inputs(self, upper: Tensor, raster: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is read beside the diffusion's result.

        Args:
            upper: upper-face images (b, 3, size, size) in [-1, 1]; nothing of the source's lower half.
            raster: the completed landmarks drawn (b, 5, size, size) in [0, 1].
            landmarks: completed landmarks (b, 68, 2) float32 over the crop size.

        Returns:
            The arguments `upper`, `raster`, `references` and `distance` of `forward`.
        """
        size = upper.shape[-1]
        hidden = size - self.height
        upper, raster = upper[:, :, hidden:], raster[:, :, hidden:]
        where = warp_map(control_points(landmarks), control_points(self.reference_landmarks), hidden / size)
        images = self.reference_images.float() / 127.5 - 1  # (r, 3, size, size)
        lit = match_light(warp(images, where, self.height), upper)
        return upper, raster, lit, mouth_distance(landmarks, self.reference_landmarks)

    def inputs_of(self, crops: np.ndarray, landmarks: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`inputs` from arrays: crops (b, size, size, 3) uint8 RGB, of which only the upper halves have influence, and
        landmarks (b, 68, 2) float32."""
        device = self.reference_landmarks.device
        upper, raster = to_tensor(upper_face(crops), device), rasterise(landmarks, crops.shape[2], device)
        return self.inputs(upper, raster, to_device(landmarks, device))

    def add_grain(self, painted: Tensor, crops: np.ndarray) -> Tensor:
        """Give painted rows the noise that the footage has.

        Args:
            painted: what `forward` gave (b, 3, height, size).
            crops: the source crops, (b, size, size, 3) uint8 RGB; their upper halves decide the noise.
        """
        if not self.grain_strength:
            return painted
        size = crops.shape[2]
        noise = grain(crops[:, : size // 2], (self.height, size)).to(painted.device)
        return painted + self.grain_strength / 127.5 * noise

    def forward(self, generated: Tensor, upper: Tensor, raster: Tensor, references: Tensor, distance: Tensor) -> Tensor:
        """Paint; at initialisation, the references' mean, in which those with a like mouth weigh more.

        Args:
            generated: the diffusion's result (b, 3, height, size) in [-1, 1].
            upper: the upper-face image (b, 3, height, size) in [-1, 1]; nothing of the source's lower half.
            raster: the completed landmarks drawn (b, 5, height, size) in [0, 1].
            references: warped onto the landmarks, in the picture's light (b, r, 3, height, size), about in [-1, 1].
            distance: of the mouth from each reference's, (b, r), see `references.mouth_distance`.

        Returns:
            (b, 3, height, size), nominally in [-1, 1].
        """
        inputs = torch.cat([generated, upper, raster * 2 - 1, references.flatten(1, 2)], dim=1)
        hidden = self.conv_in(F.pixel_unshuffle(inputs, 2))  # (b, width, height / 2, size / 2)
        skips = []
        for block in self.down:
            hidden = block(hidden)
            skips.append(hidden)
            hidden = F.avg_pool2d(hidden, 2)
        hidden = self.middle(hidden)  # (b, 3 width, height / 16, size / 16)
        for block in self.up:
            enlarged = F.interpolate(hidden, scale_factor=2.0, mode="nearest")
            hidden = block(torch.cat([enlarged, skips.pop()], dim=1))
        out = F.pixel_shuffle(self.conv_out(F.silu(hidden)), 2)  # (b, 3 + r, height, size)
        nearness = -self.selectivity.exp() * distance  # (b, r)
        weights = (out[:, 3:] + nearness[:, :, None, None]).softmax(dim=1)  # (b, r, height, size)
        return (weights[:, :, None] * references).sum(dim=1) + out[:, :3]

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors`, reference frames included."""
        save_weights(self, folder, self.config)


def load_decoder(folder: Path) -> ReferenceDecoder | None:
    """Read what `ReferenceDecoder.save` or `save_prior_decoder` wrote, in evaluation mode.

    Returns:
        The decoder; None where the prior's own serves.

    Raises:
        UserError: a file is missing or damaged.
    """

    def build(config: dict[str, Any]) -> nn.Module:
        kind = config.pop("decoder")
        return nn.Identity() if kind == "prior" else ReferenceDecoder(**config)

    network = load_weights(folder, build).eval().requires_grad_(False)
    return network if isinstance(network, ReferenceDecoder) else None


def save_prior_decoder(folder: Path) -> None:
    """Say that the prior's own decoder serves (`face.decoder: prior`): a folder of the same files, without weights."""
    save_weights(nn.Identity(), folder, {"decoder": "prior"})


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm = nn.GroupNorm(_GROUPS, channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, in, h, w) to (b, out, h, w)."""
        hidden = F.silu(self.norm(self.first(F.silu(x))))  # (b, out, h, w)
        return self.shortcut(x) + self.second(hidden)
