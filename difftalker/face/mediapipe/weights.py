"""The weights of MediaPipe's networks that ship with the package: where they are from, and how they are loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load
from torch import nn

from difftalker.errors import UserError

MEDIAPIPE_FOLDER = Path(__file__).parent

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class ConvertedNetwork:
    """A network in the wheel of mediapipe 0.10.21.

    Attributes:
        member: its file there.
        original: SHA-256 of that file.
        converted: SHA-256 of the safetensors file made of it (`conversion.mediapipe`).
    """

    member: str
    original: str
    converted: str


CONVERTED_NETWORKS = {
    "attention_mesh": ConvertedNetwork(
        "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
        "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        "fb8044df88d98d3cf3a6c2d3c7ddfeac11bc21bb8f9370f1b2bf872c6cc1ac82",
    ),
    "blazeface_short_range": ConvertedNetwork(
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        "3cd847a2b71a23c57f33a314367048d728d8e781259534fa8f7d29f694202bba",
    ),
    "blazeface_full_range": ConvertedNetwork(
        "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
        "943b8dbdf0767823e7ef6521622296786af748a7a68870ae10078c8eb47d5f23",
    ),
}


def load_mediapipe_network(
    network: Network, name: str, device: torch.device, folder: Path = MEDIAPIPE_FOLDER
) -> Network:
    """Fill a network with its weights, in single precision, ready to be run.

    Args:
        network: of the class that the weights are for.
        name: a key of `CONVERTED_NETWORKS`.
        device: where it is to run.
        folder: where `<name>.safetensors` lies.

    Raises:
        UserError: the file is missing, or is not the one that belongs to this version.
    """
    path = folder / f"{name}.safetensors"
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{path}: cannot be read ({reason}); install difftalker again") from None
    if hashlib.sha256(content).hexdigest() != CONVERTED_NETWORKS[name].converted:
        raise UserError(
            f"{path}: not the weights of this version: cut, altered or of another one; install difftalker again"
        )
    network.load_state_dict({key: value.float() for key, value in load(content).items()})
    return network.to(device).eval().requires_grad_(False)
