"""Constants of a frozen TensorFlow graph, read from its protocol buffer.

The format is small and fixed (GraphDef, NodeDef, AttrValue and TensorProto of TensorFlow 1), so a reader of its few
fields stands here instead of a dependency on a package that ships the generated classes, and a dozen more with it.
Nothing in the file is executed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.errors import UserError

_FLOAT = 1  # DataType.DT_FLOAT
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # wire types


@dataclass(frozen=True)
class TensorFlowGraph:
    """Names of all nodes, and the float32 constants among them."""

    nodes: frozenset[str]
    constants: dict[str, np.ndarray]


def read_tensorflow_graph(path: Path) -> TensorFlowGraph:
    """Read a frozen graph.

    Raises:
        UserError: the file is cut, or not a serialised GraphDef.
    """
    nodes: set[str] = set()
    constants: dict[str, np.ndarray] = {}
    try:
        for number, node in _fields(np.memmap(path, np.uint8, "r").data):  # mapped: it has half a gigabyte
            if number == 1:  # GraphDef.node
                name, tensor = _node(_message(node))
                nodes.add(name)
                if tensor is not None:
                    constants[name] = tensor
    except ValueError as error:
        raise UserError(f"{path}: not a frozen TensorFlow graph, or cut ({error})") from None
    if not nodes:
        raise UserError(f"{path}: not a frozen TensorFlow graph: it has no nodes")
    return TensorFlowGraph(frozenset(nodes), constants)


def _node(data: memoryview) -> tuple[str, np.ndarray | None]:
    """NodeDef: its name, and its attribute `value` if that is a float32 tensor."""
    name, tensor = "", None
    for number, value in _fields(data):
        if number == 1:
            name = bytes(_message(value)).decode()
        elif number == 5:  # attr: a map entry of key and AttrValue
            entry = dict(_fields(_message(value)))
            if bytes(_message(entry.get(1, memoryview(b"")))) == b"value":
                held = dict(_fields(_message(entry.get(2, memoryview(b"")))))
                if 8 in held:  # AttrValue.tensor
                    tensor = _tensor(_message(held[8]))
    return name, tensor


def _tensor(data: memoryview) -> np.ndarray | None:
    """TensorProto of float32; None for other types. Values left out at the end repeat the last one that is there."""
    kind, content = 0, memoryview(b"")
    shape: tuple[int, ...] = ()
    values: list[np.ndarray] = []
    for number, value in _fields(data):
        if number == 1:
            kind = _integer(value)
        elif number == 2:  # TensorShapeProto.dim.size
            dims = [dict(_fields(_message(dim))) for field, dim in _fields(_message(value)) if field == 2]
            shape = tuple(_integer(dim.get(1, 0)) for dim in dims)
        elif number == 4:
            content = _message(value)
        elif number == 5:  # float_val, packed
            values.append(np.frombuffer(_message(value), "<f4"))
    if kind != _FLOAT:
        return None
    array = np.frombuffer(content, "<f4") if len(content) else np.concatenate([*values, np.zeros(0, "<f4")])
    size = math.prod(shape)
    if 0 < len(array) < size:
        array = np.pad(array, (0, size - len(array)), mode="edge")
    return array.reshape(shape)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a message's fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FOUR_BYTES, _EIGHT_BYTES):
            length = 4 if wire == _FOUR_BYTES else 8
        else:
            raise ValueError(f"unknown wire type {wire}")
        if at + length > len(data):
            raise ValueError(f"a field of {length} bytes ends beyond its message")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number does not end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number in place of a message")
    return value


def _integer(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("a message in place of a number")
    return value
