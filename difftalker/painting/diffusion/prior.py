"""The frozen prior: an autoencoder and a conditional UNet in diffusers' folder format.

    prior/vae/        AutoencoderKL (Stable Diffusion), or the small prior's PatchAutoencoder
    prior/unet/       UNet2DConditionModel
    prior/scheduler/  noise schedule and prediction type
    prior/context.safetensors   the context of the empty prompt, so that no text encoder is needed

Later stages cannot tell Stable Diffusion 1.5 from the small prior of the demo.

Shapes: b batch, h and w crop size in pixels, c latent channels, f = h / latent height (the autoencoder's reduction).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.utils import logging
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from difftalker.compute.device import to_device
from difftalker.config import PriorConfig
from difftalker.errors import UserError
from difftalker.model_folder import LOAD_ERRORS
from difftalker.painting.diffusion.compatibility import check_parts, reduction_of
from difftalker.painting.diffusion.patch_autoencoder import PatchAutoencoder

_GROUPS = 16  # channels of the small networks are multiples of this


class Prior(nn.Module):
    """Autoencoder, UNet, noise schedule and the empty prompt's context.

    Args:
        vae: maps images in [-1, 1] to latents.
        unet: predicts the noise (or v) of noised latents.
        scheduler: holds the noise schedule and the prediction type.
        context: (1, tokens, context_dim) float32, what cross-attention reads when there is no prompt.
    """

    context: Tensor
    vae: Any

    def __init__(
        self,
        vae: AutoencoderKL | PatchAutoencoder,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        context: Tensor,
    ) -> None:
        super().__init__()
        self.vae = vae
        self.unet = unet
        self.scheduler = scheduler
        self.register_buffer("context", context)

    @property
    def reduction(self) -> int:
        """Pixels per latent position along one side."""
        return reduction_of(self.vae.config)

    @property
    def latent_channels(self) -> int:
        return int(self.vae.config.latent_channels)

    @property
    def prediction(self) -> str:
        """What the UNet predicts: `epsilon`, `v_prediction` or `sample`."""
        return str(self.scheduler.config.prediction_type)

    def to_latents(self, images: Tensor) -> Tensor:
        """Encode images (b, 3, h, w) in [-1, 1] to the mean latents (b, c, h/f, w/f), scaled to unit variance.

        `AutoencoderKL` gives a normal distribution per position; its mean is taken, no sample, so that equal frames
        have equal latents.
        """
        if images.shape[-1] % self.reduction or images.shape[-2] % (2 * self.reduction):
            raise UserError(
                f"prior: a crop of {images.shape[-1]} px does not fit an autoencoder that reduces {self.reduction} "
                f"times; set video.size to a multiple of {2 * self.reduction}"
            )
        if isinstance(self.vae, PatchAutoencoder):
            return self.vae.encode(images)
        return self.vae.encode(images).latent_dist.mean * self.vae.config.scaling_factor

    def to_images(self, latents: Tensor) -> Tensor:
        """Decode scaled latents (b, c, h/f, w/f) to images (b, 3, h, w), nominally in [-1, 1]."""
        if isinstance(self.vae, PatchAutoencoder):
            return self.vae.decode(latents)
        return self.vae.decode(latents / self.vae.config.scaling_factor).sample

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode uint8 RGB images (b, h, w, 3) to latents (b, c, h/f, w/f) float32."""
        return self.to_latents(to_tensor(images, self.context.device)).float().cpu().numpy()

    @torch.no_grad()
    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Encode and decode uint8 RGB images (b, h, w, 3); the latents stay on the device."""
        return to_images(self.to_images(self.to_latents(to_tensor(images, self.context.device)).float()))

    def save(self, folder: Path) -> None:
        """Write the folder format above; weights as safetensors. The same prior gives the same bytes."""
        for part in (self.vae, self.unet):
            part.register_to_config(_name_or_path="")  # diffusers notes the folder that it was read from
        self.vae.save_pretrained(folder / "vae", safe_serialization=True)
        self.unet.save_pretrained(folder / "unet", safe_serialization=True)
        self.scheduler.save_pretrained(folder / "scheduler")
        save_file({"context": self.context.contiguous()}, folder / "context.safetensors")

    @classmethod
    def load(cls, folder: str | Path) -> Prior:
        """Read a prior, in evaluation mode, in float32 and frozen.

        Raises:
            UserError: a part is missing or does not fit its configuration.
        """
        folder = Path(folder)
        for part in ("vae/config.json", "unet/config.json", "scheduler/scheduler_config.json", "context.safetensors"):
            if not (folder / part).exists():
                raise UserError(f"{folder}: not a complete prior ({part} is missing); run `dvc repro build_prior`")
        try:
            vae, unet = (json.loads((folder / part / "config.json").read_text("utf-8")) for part in ("vae", "unet"))
            check_parts(vae, unet, folder)
            autoencoder = AutoencoderKL if vae["_class_name"] == "AutoencoderKL" else PatchAutoencoder
            prior = cls(
                load_part(autoencoder, folder / "vae"),
                load_part(UNet2DConditionModel, folder / "unet"),
                DDIMScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
                load_file(folder / "context.safetensors")["context"],
            )
        except LOAD_ERRORS as error:
            raise UserError(
                f"{folder}: not a complete prior ({first_sentence(error)}); run `dvc repro build_prior`"
            ) from None
        return prior.float().eval().requires_grad_(False)


def load_part(kind: Any, folder: Path, **options: Any) -> Any:
    """Read one of diffusers' models from a folder's safetensors, whole: no weight missing, none left over.

    Args:
        kind: the model's class.
        folder: with `config.json` and the weights.
        options: for `from_pretrained`.

    Raises:
        One of `LOAD_ERRORS`.
    """
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # weights that do not fit are an error here, in one line
    try:
        model, found = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True, **options
        )
    finally:
        logging.set_verbosity(verbosity)
    for what, keys in (("lacks", found["missing_keys"]), ("must not have", found["unexpected_keys"])):
        if keys:
            raise ValueError(f"{folder.name}: of another architecture than its config.json, {what} {sorted(keys)[0]}")
    return model


def first_sentence(error: BaseException) -> str:
    """The first sentence of what an error says: libraries add advice for programmers."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0].rstrip(".")


def build_small_prior(config: PriorConfig, size: int) -> Prior:
    """A small prior: a UNet with fresh weights from torch's global generator, an autoencoder still to be fitted.

    Args:
        config: patch, latent channels, widths, prediction type.
        size: side of the crops in pixels.
    """
    plain, attention = len(config.unet.channels) > 1, max(1, len(config.unet.channels) - 1)
    unet = UNet2DConditionModel(
        sample_size=size // config.patch,
        in_channels=config.latent_channels,
        out_channels=config.latent_channels,
        down_block_types=("DownBlock2D",) * plain + ("CrossAttnDownBlock2D",) * attention,
        up_block_types=("CrossAttnUpBlock2D",) * attention + ("UpBlock2D",) * plain,
        block_out_channels=tuple(config.unet.channels),
        layers_per_block=1,
        norm_num_groups=_GROUPS,
        cross_attention_dim=config.unet.context_dim,
        attention_head_dim=4,
    )
    scheduler = DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=config.prediction,
        clip_sample=False,
        set_alpha_to_one=True,
    )
    return Prior(
        PatchAutoencoder(config.patch, config.latent_channels),
        unet,
        scheduler,
        torch.zeros(1, 1, config.unet.context_dim),
    )


def to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    """uint8 RGB (b, h, w, 3) to float32 (b, 3, h, w) in [-1, 1] on a device, to which bytes travel."""
    return to_device(images, device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_images(images: Tensor) -> np.ndarray:
    """Float (b, 3, h, w) in [-1, 1] to uint8 RGB (b, h, w, 3), rounded and clipped."""
    return images.float().add(1.0).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
