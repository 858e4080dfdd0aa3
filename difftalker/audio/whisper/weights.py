"""The weights that ship with the package, accepted by their hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors.torch import load
from torch import Tensor

from difftalker.audio.whisper.network import WhisperNetwork
from difftalker.errors import UserError

WHISPER_FOLDER = Path(__file__).parent
EMBEDDING_WIDTH, ATTENTION_HEADS, KEPT_LAYERS = 384, 6, 2  # of tiny.en; its first two layers of four

WHISPER_HASHES = {
    "encoder.safetensors": "66cdd348bf93fc97365c4fb200b76e0b0400993f744e982a7c0c2f81debb14bf",
    "components.safetensors": "4b5ab892947d7c929763a6c90a8c633fdb67bf579312d9983e2f43e9214783b7",
}


def load_whisper_network(folder: Path = WHISPER_FOLDER) -> WhisperNetwork:
    """The network in eval mode, on the CPU, in float32.

    Raises:
        UserError: the file is missing or not the one of this version.
    """
    network = WhisperNetwork(EMBEDDING_WIDTH, ATTENTION_HEADS, KEPT_LAYERS)
    network.load_state_dict({name: value.float() for name, value in _read(folder / "encoder.safetensors").items()})
    return network.eval().requires_grad_(False)


def load_whisper_components(folder: Path = WHISPER_FOLDER) -> tuple[Tensor, Tensor]:
    """The mean row (384,) and the map of what differs from it to unit components (384, 29), float32.

    Raises:
        UserError: the file is missing or not the one of this version.
    """
    parts = _read(folder / "components.safetensors")
    return parts["mean"], parts["map"]


def _read(path: Path) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, though it ships with the package; install difftalker again") from None
    if hashlib.sha256(data).hexdigest() != WHISPER_HASHES[path.name]:
        raise UserError(f"{path}: altered, or of another version; install difftalker again")
    return load(data)
