"""Training of the reference decoder on the training split's frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor, nn
from tqdm import tqdm

from difftalker.compute.device import convolution_autocast, seeded, to_device
from difftalker.config import DecoderConfig
from difftalker.files import replacing
from difftalker.painting.decoder.grain import grain_strength
from difftalker.painting.decoder.losses import PatchDiscriminator, absolute_error, energy_error, hinge_loss, laplacian
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.diffusion.prior import to_images, to_tensor
from difftalker.painting.diffusion.raster import RASTER_CHANNELS
from difftalker.painting.diffusion.training import perturb
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.painting.synthesis import Synthesiser
from difftalker.training.loop import TrainingOptions, train
from difftalker.training.progress import LossHistory

_ADVERSARY_FROM = 0.1  # share of the steps after which the discriminator's word counts
_ADVERSARY_RATE = 0.2  # the discriminator's learning rate over the decoder's
_OUTSIDE = 0.1  # weight of what is not pasted back
_GRAIN_TRIPLES = 96  # triples of successive frames by which the grain is measured


def generate_lower(
    synthesiser: Synthesiser, crops: np.ndarray, landmarks: np.ndarray, features: np.ndarray, height: int, folder: Path
) -> np.ndarray:
    """What the diffusion makes of the training frames, computed once and kept in a file.

    Args:
        synthesiser: without a decoder of its own.
        crops, landmarks, features: of the n training frames, as in `Synthesiser.paint`.
        height: number of the last rows to keep.
        folder: where the file is written, or found if an earlier run wrote it.

    Returns:
        (n, height, size, 3) uint8 RGB, a memory map.
    """
    path = folder / "generated.npy"
    if not path.exists():
        with replacing(path) as partial, tqdm(total=len(crops), desc="diffusion", unit="frame", mininterval=1) as bar:
            file = open_memmap(partial, "w+", np.uint8, (len(crops), height, *crops.shape[2:]))
            for start in range(0, len(crops), synthesiser.config.batch_size):
                part = slice(start, start + synthesiser.config.batch_size)
                images = to_images(synthesiser.generate(crops[part], landmarks[part], features[part]))
                file[part] = images[:, crops.shape[1] - height :]
                bar.update(len(images))
            file.flush()
    return np.load(path, mmap_mode="r")


def train_decoder(
    network: ReferenceDecoder,
    crops: np.ndarray,
    generated: np.ndarray,
    landmarks: np.ndarray,
    config: DecoderConfig,
    **options: Unpack[TrainingOptions],
) -> LossHistory:
    """Train the decoder.

    Args:
        network: trained in place; it has its reference frames.
        crops: training frames (n, size, size, 3) uint8 RGB.
        generated: what the diffusion made of them, the last rows: (n, height, size, 3) uint8 RGB.
        landmarks: (n, 68, 2) float32, over the crop size.
        config: losses, noise on the landmarks, training.
        options: of every training.
    """
    size, height, device = crops.shape[2], network.height, options["device"]
    lower = torch.zeros(height, 1, device=device)
    lower[height - size // 2 :] = 1.0
    with seeded(options["seed"]):
        model = _Adversaries(network, config)
    layout: Any = {"memory_format": torch.channels_last}  # an eighth faster on the CPU
    model.to(**layout)

    def loss(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        index = rows.numpy()
        moved = perturb(landmarks[index], config.landmark_noise, generator)
        inputs = (to_tensor(generated[index], device), *network.inputs_of(crops[index], moved))
        true = to_tensor(np.ascontiguousarray(crops[index, size - height :]), device)
        pasted = to_device(jaw_mask(landmarks[index], size)[:, None, size - height :], device)
        window = _window(height, size, generator)
        return model(inputs, true, lower * (_OUTSIDE + (1 - _OUTSIDE) * pasted), window)

    return train(model, loss, items=len(crops), config=config.train, title="decoder", **options)


@torch.no_grad()
def measure_grain(
    network: ReferenceDecoder,
    crops: np.ndarray,
    generated: np.ndarray,
    landmarks: np.ndarray,
    runs: Sequence[np.ndarray],
    device: torch.device,
) -> float:
    """How much noise the trained network's pictures lack, see `grain_strength`.

    Args:
        network: in evaluation mode, on the device.
        crops, generated, landmarks: as in `train_decoder`.
        runs: rows of successive frames, each within one clip.
        device: where to compute.

    Returns:
        Standard deviation in grey levels; 0 where no run has three frames.
    """
    first = np.concatenate([run[:-2] for run in runs]) if runs else np.zeros(0, np.int64)
    if not len(first):
        return 0.0
    size, hidden = crops.shape[2], crops.shape[2] - network.height
    chosen = first[np.unique(np.linspace(0, len(first) - 1, _GRAIN_TRIPLES).astype(int))]
    triples = chosen[:, None] + np.arange(3)  # (n, 3)
    painted = []
    for rows in triples:
        inputs = network.inputs_of(crops[rows], landmarks[rows])
        painted.append(to_images(network(to_tensor(generated[rows], device), *inputs)))
    inside = jaw_mask(landmarks[triples[:, 1]], size)[:, hidden:] > 0.5
    return grain_strength(crops[triples][:, :, hidden:], np.stack(painted), inside)


class _Adversaries(nn.Module):
    """Decoder and discriminator, trained in one step by one sum of losses, each by its own part of it."""

    step: Tensor

    def __init__(self, network: ReferenceDecoder, config: DecoderConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.discriminator = PatchDiscriminator(3 + RASTER_CHANNELS) if config.adversarial_weight else None
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    def parameter_groups(self) -> list[dict[str, object]]:
        """What the optimiser is given: the discriminator learns more slowly."""
        groups: list[dict[str, object]] = [{"params": list(self.network.parameters())}]
        if self.discriminator is not None:
            judge = list(self.discriminator.parameters())
            groups.append({"params": judge, "rate": _ADVERSARY_RATE, "betas": (0.5, 0.99)})
        return groups

    def forward(
        self, inputs: tuple[Tensor, ...], true: Tensor, weight: Tensor, window: tuple[slice, slice]
    ) -> dict[str, Tensor]:
        """All losses of a batch.

        Args:
            inputs: the arguments of the decoder's `forward`.
            true: what it should paint (b, 3, height, size) in [-1, 1].
            weight: of every pixel, (b, 1, height, size).
            window: rows and columns that the discriminator is shown.
        """
        self.step += 1
        with convolution_autocast(true.device):
            painted = self.network(*inputs).float()
        edges, true_edges = laplacian(painted), laplacian(true)
        parts = {
            "absolute": absolute_error(painted, true, weight),
            "laplacian": absolute_error(edges, true_edges, weight),
            "energy": energy_error(edges, true_edges, weight),
        }
        total = (
            parts["absolute"]
            + self.config.laplacian_weight * parts["laplacian"]
            + self.config.energy_weight * parts["energy"]
        )
        if self.discriminator is not None:
            raster, shown, real = (images[..., window[0], window[1]] for images in (inputs[2], painted, true))
            parts["adversarial"] = torch.zeros_like(total)
            if int(self.step) > _ADVERSARY_FROM * self.config.train.steps:
                self.discriminator.requires_grad_(False)  # this part of the sum teaches the decoder alone
                parts["adversarial"] = -self._judge(shown, raster).mean()
                self.discriminator.requires_grad_(True)
                total = total + self.config.adversarial_weight * parts["adversarial"]
            judged = self._judge(torch.cat([real, shown.detach()]), torch.cat([raster, raster]))
            parts["discriminator"] = hinge_loss(*judged.chunk(2))
            total = total + parts["discriminator"]
        return {"loss": total} | parts

    def _judge(self, pictures: Tensor, raster: Tensor) -> Tensor:
        assert self.discriminator is not None
        with convolution_autocast(pictures.device):
            judged: Tensor = self.discriminator(pictures, raster)
        return judged.float()


def _window(height: int, size: int, generator: torch.Generator) -> tuple[slice, slice]:
    """Rows and columns of a patch of the lower half, drawn anew for every batch: a third of the work of all of it."""
    rows, columns = 3 * size // 8, size // 2
    top = height - size // 2 + int(torch.randint(size // 2 - rows + 1, (1,), generator=generator))
    left = int(torch.randint(size - columns + 1, (1,), generator=generator))
    return slice(top, top + rows), slice(left, left + columns)
