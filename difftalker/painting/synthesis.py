"""Frames from upper faces and completed landmarks: encode, sample, decode, composite."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from difftalker.compute.device import autocast, to_device
from difftalker.compute.memory import explain_out_of_memory
from difftalker.config import SamplingConfig
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.diffusion.masked_diffusion import ddim_scheduler, sample_lower_rows
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior, to_images, to_tensor
from difftalker.painting.diffusion.raster import rasterise
from difftalker.painting.diffusion.upper_face import composite, upper_face


@dataclass
class Synthesiser:
    """A trained face, ready to paint.

    All frames of a video share one noise tensor: what the noise decides (fine texture) stays still.

    Attributes:
        prior: autoencoder, UNet and schedule.
        network: the trained face network on the same prior.
        config: sampling steps, batch size, seed of the noise.
        device: where to compute.
        decoder: paints the pixels; without it the prior's own decoder does.
        seconds: time spent so far in `encode`, `sample`, `decode` and `composite`.
    """

    prior: Prior
    network: FaceNetwork
    config: SamplingConfig
    device: torch.device
    decoder: ReferenceDecoder | None = None
    seconds: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._sampler = ddim_scheduler(self.prior.scheduler, self.config.steps)
        self.prior.to(self.device)
        self.network.to(self.device)
        if self.decoder is not None:
            layout: Any = {"memory_format": torch.channels_last}  # a fifth faster on the CPU
            self.decoder.to(self.device, **layout)

    @torch.no_grad()
    def paint(self, crops: np.ndarray, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Generate the lower half of some frames.

        Args:
            crops: source crops (b, h, w, 3) uint8 RGB; only their upper halves have influence.
            landmarks: completed landmarks (b, 68, 2) over the crop size.
            features: audio features (b, 16, 29), read where the face is conditioned on audio.

        Returns:
            (b, h, w, 3) uint8 RGB: source above, generated below.

        Raises:
            UserError: memory is not enough.
        """
        with explain_out_of_memory(f"lower sampling.batch_size (now {self.config.batch_size}) in params.yaml"):
            return self._paint(crops, landmarks, features)

    @torch.no_grad()
    def generate(self, crops: np.ndarray, landmarks: np.ndarray, features: np.ndarray) -> Tensor:
        """The diffusion's result through the prior's own decoder: (b, 3, h, w) in about [-1, 1], on the device.

        Args: as in `paint`.
        """
        return self._generate(*self._inputs(crops, landmarks), features)

    def _inputs(self, crops: np.ndarray, landmarks: np.ndarray) -> tuple[Tensor, Tensor]:
        """What both networks read, on the device: upper-face images (b, 3, h, w) in [-1, 1], rasters (b, 5, h, w)."""
        started = time.perf_counter()
        inputs = to_tensor(upper_face(crops), self.device), rasterise(landmarks, crops.shape[2], self.device)
        self._lap("encode", started)
        return inputs

    def _generate(self, images: Tensor, raster: Tensor, features: np.ndarray) -> Tensor:
        started = time.perf_counter()
        upper = self.prior.to_latents(images).float()
        started = self._lap("encode", started)
        signal = to_device(features, self.device) if self.network.condition == "audio" else raster
        with autocast(self.device):
            conditions = self.network.encode_condition(upper, signal, self.prior.context)
        noise = torch.randn(upper.shape[1:], generator=torch.Generator().manual_seed(self.config.seed))
        latents = sample_lower_rows(
            lambda z, step: self._predict(z, step, conditions),
            upper,
            noise.to(self.device).expand_as(upper),
            self._sampler,
        )
        started = self._lap("sample", started)
        generated = self.prior.to_images(latents)
        self._lap("decode", started)
        return generated

    def _paint(self, crops: np.ndarray, landmarks: np.ndarray, features: np.ndarray) -> np.ndarray:
        upper, raster = self._inputs(crops, landmarks)
        generated = self._generate(upper, raster, features)
        started = time.perf_counter()
        if self.decoder is not None:
            hidden = crops.shape[1] - self.decoder.height
            with autocast(self.device):
                inputs = self.decoder.inputs(upper, raster, to_device(landmarks, self.device))
                below = self.decoder(generated[:, :, hidden:], *inputs).float()
            below = self.decoder.add_grain(below, crops)
            generated = torch.cat([generated[:, :, :hidden], below], dim=2)
            started = self._lap("decode", started)
        result = composite(crops, to_images(generated))
        self._lap("composite", started)
        return result

    def _predict(self, latents: Tensor, step: Tensor, conditions: dict[str, Any]) -> Tensor:
        with autocast(self.device):
            return self.network(latents, step, conditions).float()

    def _lap(self, part: str, started: float) -> float:
        now = time.perf_counter()
        self.seconds[part] += now - started  # type: ignore[assignment]
        return now
