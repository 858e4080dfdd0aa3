"""Take MediaPipe's networks out of its wheel and write them as safetensors: run once, the results are committed.

    pip download --no-deps --python-version 3.11 --platform manylinux_2_28_x86_64 --only-binary :all: mediapipe==0.10.21
    python -m conversion.mediapipe mediapipe-0.10.21-*.whl

Later wheels carry no networks. The numbers stay in half precision, as in the wheel.
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from conversion.tflite import Operator, TfliteGraph, read_tflite_graph
from difftalker.errors import UserError
from difftalker.face.mediapipe.attention_mesh import AttentionMesh
from difftalker.face.mediapipe.blazeface import FullRange, ShortRange
from difftalker.face.mediapipe.weights import CONVERTED_NETWORKS, MEDIAPIPE_FOLDER
from difftalker.files import replacing

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "PRELU")


def convert_mesh(graph: TfliteGraph) -> dict[str, Tensor]:
    """The state of `AttentionMesh`."""
    network = AttentionMesh()
    points, lips, left_eye, right_eye, *_, presence = graph.outputs
    early = next(each.inputs[0] for each in graph.operators if each.kind == "TransformTensorBilinear")
    state: dict[str, Tensor] = {}
    seen: set[Operator] = set()
    for output, names in (
        (early, ("stem", "early")),
        (points, ("late", "reduce", "coarse")),
        (presence, ("presence",)),
        (lips, ("lips",)),
        (left_eye, ("left_eye",)),
        (right_eye, ("right_eye",)),
    ):
        state |= _fill(network, names, _tensors(graph, _before(graph, output, seen)))
    return state


def convert_short_range(graph: TfliteGraph) -> dict[str, Tensor]:
    """The state of `ShortRange`."""
    parts = ("stem", "early", "late", "scores", "numbers")
    return _fill(ShortRange(), parts, _tensors(graph, graph.operators))


def convert_full_range(graph: TfliteGraph) -> dict[str, Tensor]:
    """The state of `FullRange`."""
    parts = ["stem", "down.0", "down.1", "across.0", "down.2", "across.1", "down.3", "across.2", "down.4"]
    parts += ["up.2", "merge.2", "up.1", "merge.1", "up.0", "merge.0", "scores", "numbers"]
    return _fill(FullRange(), parts, _tensors(graph, graph.operators))


def _before(graph: TfliteGraph, output: int, seen: set[Operator]) -> list[Operator]:
    """The nodes that lead to a tensor, in order, without those of `seen`, to which they are added."""
    needed, nodes = {output}, []
    for node in reversed(graph.operators):
        if node not in seen and needed.intersection(node.outputs):
            nodes.append(node)
            needed.update(node.inputs)
    seen.update(nodes)
    return nodes[::-1]


def _tensors(graph: TfliteGraph, nodes: Iterable[Operator]) -> list[np.ndarray]:
    """Weights and biases of the nodes, in torch's layout."""
    tensors = []
    for node in nodes:
        if node.kind not in _WEIGHTED:
            continue
        weight, *bias = (graph.constants[number] for number in node.inputs[1:])
        if node.kind == "PRELU":
            weight = weight.reshape(-1)
        else:
            weight = weight.transpose((0, 3, 1, 2) if node.kind == "CONV_2D" else (3, 0, 1, 2))
        tensors += [weight, *bias]
    return tensors


def _fill(network: nn.Module, names: Iterable[str], tensors: list[np.ndarray]) -> dict[str, Tensor]:
    """Give tensors to the parameters of some parts of a network, in their order."""
    places = [
        (f"{name}.{key}", value) for name in names for key, value in network.get_submodule(name).state_dict().items()
    ]
    for (key, place), tensor in zip(places, tensors, strict=True):
        if place.shape != tensor.shape:
            raise UserError(f"{key}: shape {tensor.shape}, not {tuple(place.shape)}: not the network expected")
    pairs = zip(places, tensors, strict=True)
    return {key: torch.from_numpy(np.array(tensor, np.float16, order="C")) for (key, _), tensor in pairs}


_CONVERTERS = {
    "attention_mesh": convert_mesh,
    "blazeface_short_range": convert_short_range,
    "blazeface_full_range": convert_full_range,
}


def convert(wheel: Path, folder: Path = MEDIAPIPE_FOLDER) -> dict[str, str]:
    """Convert every network of the wheel.

    Args:
        wheel: mediapipe-0.10.21, of any platform.
        folder: where the safetensors go.

    Returns:
        SHA-256 of every file written, by the network's name.

    Raises:
        UserError: the wheel is missing or lacks a network, or a network is another one.
    """
    written = {}
    for name, make in _CONVERTERS.items():
        source = CONVERTED_NETWORKS[name]
        try:
            with zipfile.ZipFile(wheel) as archive:
                data = archive.read(source.member)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{wheel}: cannot be read ({error}); give the wheel of mediapipe 0.10.21") from None
        if hashlib.sha256(data).hexdigest() != source.original:
            raise UserError(f"{wheel}: {source.member} is another one; give the wheel of mediapipe 0.10.21")
        content = save(make(read_tflite_graph(data)), {"source": f"{source.member} {source.original}"})
        with replacing(folder / f"{name}.safetensors") as partial:
            partial.write_bytes(content)
        written[name] = hashlib.sha256(content).hexdigest()
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    for name, digest in convert(parser.parse_args().wheel).items():
        print(f"{name}: sha256 {digest}")
