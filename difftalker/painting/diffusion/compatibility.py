"""What an autoencoder and a UNet must be for the face network to stand on them, and which crops fit them.

Read from their configurations alone, so that it is known before weights are fetched or a training starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from difftalker.errors import UserError

AUTOENCODERS = ("AutoencoderKL", "PatchAutoencoder")
_BLOCKS = {
    "down_block_types": {"DownBlock2D", "CrossAttnDownBlock2D"},
    "up_block_types": {"UpBlock2D", "CrossAttnUpBlock2D"},
}
# Settings of other families of models (SDXL, inpainting variants, upscalers), whose UNets read more than latents, step
# and context. The face network runs the blocks itself and would leave that input out.
_ABSENT = ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "time_cond_proj_dim", "num_class_embeds")


def check_parts(vae: Mapping[str, Any], unet: Mapping[str, Any], source: object) -> None:
    """Check the two `config.json`.

    Args:
        vae, unet: the configurations; keys may be left out where they have diffusers' default.
        source: what to call the prior in errors.

    Raises:
        UserError: one of them is of another architecture, or they do not fit each other.
    """
    kinds = vae.get("_class_name"), unet.get("_class_name")
    if kinds[0] not in AUTOENCODERS or kinds[1] != "UNet2DConditionModel":
        raise UserError(
            f"{source}: holds {kinds[0]} and {kinds[1]}, not AutoencoderKL and UNet2DConditionModel; name a model of "
            "Stable Diffusion 1.5's architecture"
        )
    found = [f"{name} = {unet[name]}" for name in _ABSENT if unet.get(name) is not None]
    for name, allowed in _BLOCKS.items():
        found += [f"{name} has {kind}" for kind in unet.get(name, ()) if kind not in allowed]
    if unet.get("mid_block_type", "UNetMidBlock2DCrossAttn") != "UNetMidBlock2DCrossAttn":
        found.append(f"mid_block_type = {unet['mid_block_type']}")
    if not isinstance(unet.get("cross_attention_dim", 1280), int):
        found.append(f"cross_attention_dim = {unet['cross_attention_dim']}")
    found += [f"{name} = {vae[name]}" for name in ("shift_factor", "latents_mean") if vae.get(name) is not None]
    if found:
        raise UserError(f"{source}: {found[0]}; only models of Stable Diffusion 1.5's architecture can be the prior")
    channels = vae.get("latent_channels", 4)
    for name in ("in_channels", "out_channels"):
        if unet.get(name, 4) != channels:
            raise UserError(
                f"{source}: the UNet's {name} is {unet.get(name, 4)} and the autoencoder has {channels} latent "
                "channels; name a text-to-image model, its UNet and autoencoder from one source"
            )


def reduction_of(vae: Mapping[str, Any]) -> int:
    """Pixels per latent position along one side."""
    return int(vae["patch"]) if "patch" in vae else 2 ** (len(vae["block_out_channels"]) - 1)


def check_size(size: int, vae: Mapping[str, Any], unet: Mapping[str, Any], source: object) -> None:
    """Check that crops of `size` pixels fit: latents halve evenly at every resolution and have a middle row.

    Raises:
        UserError: they do not.
    """
    reduction = reduction_of(vae)
    multiple = reduction * max(2, 2 ** (len(unet["block_out_channels"]) - 1))
    if size % multiple:
        raise UserError(
            f"video.size = {size}: gives latents of {size / reduction:g} positions a side, which do not fit the UNet "
            f"of {source}; set video.size to a multiple of {multiple}"
        )
