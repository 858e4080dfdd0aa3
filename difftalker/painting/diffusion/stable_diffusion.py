"""Import of Stable Diffusion 1.5, or another model of its architecture, as the frozen prior.

From a folder in diffusers' format, or from the hub at a pinned revision. Only safetensors are read and no code of the
model is run. The text encoder serves once, for the context of the empty prompt.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from huggingface_hub import snapshot_download
from huggingface_hub.utils import logging
from safetensors.torch import load_file
from torch import Tensor

from difftalker.errors import UserError
from difftalker.model_folder import LOAD_ERRORS
from difftalker.painting.diffusion.compatibility import check_parts, check_size
from difftalker.painting.diffusion.prior import Prior, first_sentence, load_part
from difftalker.weights.store import locate, path_of
from difftalker.weights.table import SD15, SD15_REVISION, weight_named

CONTEXT_FILE = "context.safetensors"
_SCHEDULE = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)
_CONFIGS = ("vae/config.json", "unet/config.json", "scheduler/scheduler_config.json")


@dataclass(frozen=True)
class _Source:
    """What is known of a model without its weights."""

    name: str
    folder: Path
    is_local: bool
    vae: dict[str, Any]
    unet: dict[str, Any]
    schedule: dict[str, Any]

    @property
    def needs_text(self) -> bool:
        return not (self.folder / CONTEXT_FILE).exists()


def check_model(model: str, revision: str, size: int) -> _Source:
    """Check all that needs no weights: configurations, crop size, the package for the text encoder.

    Fetches the configurations, some kilobytes, where the model is on the hub. Arguments and errors of `import_prior`.
    """
    name = f"prior.model = {model}"
    if (model, revision) == (SD15, SD15_REVISION) and path_of(weight_named("sd15")).exists():
        model = str(locate("sd15"))
    is_local = Path(model).is_dir()
    if not is_local and (model.count("/") != 1 or model.startswith((".", "/", "~"))):
        raise UserError(f"{name}: no such folder, and not a hub id (owner/name)")
    folder = Path(model) if is_local else _fetch(model, revision, [*_CONFIGS, CONTEXT_FILE])
    source = _Source(name, folder, is_local, *(_read(folder / config, name) for config in _CONFIGS))
    check_parts(source.vae, source.unet, name)
    check_size(size, source.vae, source.unet, name)
    _check_schedule(source.schedule, name)
    if source.needs_text and importlib.util.find_spec("transformers") is None:
        raise UserError(
            f"{name}: its text encoder is read with the package transformers; run `pip install 'difftalker[sd]'`, or "
            f"put a {CONTEXT_FILE} into the folder"
        )
    return source


def import_prior(model: str, revision: str, size: int) -> Prior:
    """Read autoencoder, UNet and noise schedule, and compute or read the context of the empty prompt.

    Stable Diffusion 1.5 at its pinned revision is taken from the cache of `difftalker weights` if it is there.

    Args:
        model: folder in diffusers' format, or hub id. With `HF_HUB_OFFLINE=1` the hub's cache alone is read.
        revision: commit, tag or branch of the hub id; not used for a folder.
        size: side of the crops in pixels.

    Returns:
        The prior, its weights in float16, on the CPU, frozen.

    Raises:
        UserError: the hub cannot be reached, a part is missing, damaged or of another architecture, or the crop size
            does not fit; before weights are fetched or read, where that can be known.
    """
    checked = check_model(model, revision, size)
    source, unet, needs_text = checked.name, checked.unet, checked.needs_text
    if checked.is_local:
        folder, variant = checked.folder, _variant(checked.folder, needs_text)
    else:
        folder, variant = _fetch_weights(model, revision, needs_text)
    context = _empty_prompt(folder, variant, source) if needs_text else _read_context(folder / CONTEXT_FILE, source)
    if context.shape[-1] != unet.get("cross_attention_dim", 1280):
        raise UserError(
            f"{source}: the empty prompt's context is {context.shape[-1]} wide, the UNet reads "
            f"{unet.get('cross_attention_dim', 1280)}; text encoder and UNet must be of one model"
        )
    try:
        vae_model, unet_model = (
            load_part(kind, folder / part, torch_dtype=torch.float16, variant=variant)
            for kind, part in ((AutoencoderKL, "vae"), (UNet2DConditionModel, "unet"))
        )
    except LOAD_ERRORS as error:
        raise UserError(f"{source}: not a whole model ({first_sentence(error)}); fetch it again") from None
    return Prior(vae_model, unet_model, _scheduler(checked.schedule), context.float()).requires_grad_(False)


def _weights(variant: str | None, needs_text: bool) -> list[str]:
    suffix = f"{variant}.safetensors" if variant else "safetensors"
    names = [f"{part}/diffusion_pytorch_model.{suffix}" for part in ("vae", "unet")]
    return names + ([f"text_encoder/model.{suffix}"] if needs_text else [])


def _variant(folder: Path, needs_text: bool) -> str | None:
    """The precision in which all weights of a folder are there."""
    has_half = all((folder / name).exists() for name in _weights("fp16", needs_text))
    return "fp16" if has_half else None


def _fetch_weights(model: str, revision: str, needs_text: bool) -> tuple[Path, str | None]:
    extra = ["text_encoder/config.json", "tokenizer/*.json", "tokenizer/*.txt"] if needs_text else []
    wanted = _weights("fp16", needs_text)  # half the download and no loss: the prior is stored in float16
    try:
        folder = _fetch(model, revision, [*_CONFIGS, CONTEXT_FILE, *wanted, *extra])
        if all((folder / name).exists() for name in wanted):
            return folder, "fp16"
    except UserError:  # without a connection, where the cache holds the other precision
        pass
    wanted = _weights(None, needs_text)
    folder = _fetch(model, revision, [*_CONFIGS, CONTEXT_FILE, *wanted, *extra])
    absent = [name for name in wanted if not (folder / name).exists()]
    if absent:
        raise UserError(f"prior.model = {model}: has no {absent[0]}; name a model whose weights are safetensors")
    return folder, None


def _fetch(model: str, revision: str, patterns: list[str]) -> Path:
    logging.set_verbosity_error()  # its retries are many lines; what comes of them is one
    print(f"prior.model = {model}: asking the hub", file=sys.stderr, flush=True)  # retries take a while
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
    except Exception as error:  # a network client fails in many ways, none of which is a mistake in this code
        raise UserError(
            f"prior.model = {model}: cannot be fetched from the hub ({first_sentence(error)}); check the connection, "
            "the name and prior.revision, or download the model elsewhere and set prior.model to its folder"
        ) from None


def _read(path: Path, source: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        part = f"{path.parent.name}/{path.name}"
        raise UserError(f"{source}: not a whole model ({part} is missing); name one in diffusers' folders") from None
    except ValueError:
        raise UserError(f"{path}: not valid JSON; fetch the model again") from None


def _check_schedule(config: dict[str, Any], source: str) -> None:
    if config.get("prediction_type", "epsilon") not in ("epsilon", "v_prediction", "sample"):
        raise UserError(f"{source}: cannot predict {config['prediction_type']}; name another model")
    if _scheduler(config).alphas_cumprod[-1] <= 0:
        raise UserError(f"{source}: its noise schedule ends in pure noise, which eq. 6 cannot start from")


def _scheduler(config: dict[str, Any]) -> DDIMScheduler:
    """Noise schedule and prediction type of any scheduler's configuration; its own stepping is not used."""
    return DDIMScheduler(clip_sample=False, **{key: config[key] for key in _SCHEDULE if key in config})


def _read_context(path: Path, source: str) -> Tensor:
    try:
        context = load_file(path)["context"]
    except LOAD_ERRORS as error:
        reason = first_sentence(error)
        raise UserError(f"{source}: {path.name} cannot be read ({reason}); fetch it again or delete it") from None
    if context.ndim != 3 or len(context) != 1:
        raise UserError(f"{source}: {path.name} holds {tuple(context.shape)}, not (1, tokens, width); delete it")
    return context


@torch.no_grad()
def _empty_prompt(folder: Path, variant: str | None, source: str) -> Tensor:
    """Last hidden states of the empty prompt, padded to the text encoder's length: (1, tokens, width) float32."""
    from transformers import CLIPTextModel, CLIPTokenizer  # optional; only here

    kind: Any = CLIPTextModel  # its stubs do not know `output_loading_info`
    try:
        tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        encoder, found = kind.from_pretrained(
            folder / "text_encoder",
            local_files_only=True,
            use_safetensors=True,
            variant=variant,
            dtype=torch.float32,
            output_loading_info=True,
        )
        if found["missing_keys"]:
            raise ValueError(f"lacks {sorted(found['missing_keys'])[0]}")
    except LOAD_ERRORS as error:
        reason = first_sentence(error)
        raise UserError(f"{source}: the text encoder cannot be read ({reason}); fetch the model again") from None
    length = encoder.config.max_position_embeddings
    ids = tokens("", padding="max_length", max_length=length, return_tensors="pt").input_ids  # (1, tokens)
    return encoder.eval()(ids).last_hidden_state
