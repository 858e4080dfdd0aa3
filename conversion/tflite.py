"""Just enough of a reader of TensorFlow Lite files to take the tensors out of MediaPipe's networks.

The format is a FlatBuffer: a table starts with the distance back to its vtable, which lists where in the table each
field lies. Field numbers are those of TensorFlow's `schema.fbs` (version 3).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import product

import numpy as np

_DTYPES: dict[int, np.dtype] = {0: np.dtype("<f4"), 1: np.dtype("<f2"), 2: np.dtype("<i4")}  # of a tensor's type
# Of the indices of a sparse tensor.
_INDEX_DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<i4"),
    2: np.dtype("<u2"),
    3: np.dtype("<u1"),
}
_BUILTIN = {
    0: "ADD",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    45: "STRIDED_SLICE",
    54: "PRELU",
    124: "DENSIFY",
}
_CUSTOM = 32


@dataclass(frozen=True)
class Operator:
    """One node: its kind and the numbers of its tensors, -1 for an input left out."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class TfliteGraph:
    """A network: nodes in the order of execution, and constant tensors by number.

    Nodes that only change how a constant is stored (half precision, sparse) are left out, and what reads their output
    reads the constant.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    constants: dict[int, np.ndarray]


def read_tflite_graph(data: bytes) -> TfliteGraph:
    """The first subgraph of a TensorFlow Lite file.

    Raises:
        ValueError: not such a file, or it holds what this reader does not know.
    """
    if data[4:8] != b"TFL3":
        raise ValueError("not a TensorFlow Lite file")
    model = _Table(data, _uint(data, 0))
    kinds = [_kind(code) for code in model.tables(1)]
    subgraph = model.tables(2)[0]
    buffers = model.tables(4)
    tensors = [_constant(tensor, buffers) for tensor in subgraph.tables(0)]
    constants = {number: value for number, value in enumerate(tensors) if value is not None}
    operators = []
    source: dict[int, int] = {}
    for node in subgraph.tables(3):
        kind = kinds[node.integer(0, "<I")]
        inputs = tuple(source.get(number, number) for number in node.integers(1))
        outputs = tuple(node.integers(2))
        if kind in ("DEQUANTIZE", "DENSIFY"):
            source[outputs[0]] = inputs[0]
        else:
            operators.append(Operator(kind, inputs, outputs))
    return TfliteGraph(tuple(subgraph.integers(1)), tuple(subgraph.integers(2)), tuple(operators), constants)


class _Table:
    """A FlatBuffer table at `position`; fields that are left out have their default."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position
        vtable = position - struct.unpack_from("<i", data, position)[0]
        size = struct.unpack_from("<H", data, vtable)[0]
        self.fields = struct.unpack_from(f"<{(size - 4) // 2}H", data, vtable + 4)

    def _place(self, field: int) -> int | None:
        offset = self.fields[field] if field < len(self.fields) else 0
        return self.position + offset if offset else None

    def integer(self, field: int, kind: str) -> int:
        place = self._place(field)
        return 0 if place is None else int(struct.unpack_from(kind, self.data, place)[0])

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        return None if place is None else _Table(self.data, place + _uint(self.data, place))

    def vector(self, field: int, dtype: np.dtype) -> np.ndarray:
        place = self._place(field)
        if place is None:
            return np.zeros(0, dtype)
        start = place + _uint(self.data, place)
        return np.frombuffer(self.data, dtype, _uint(self.data, start), start + 4)

    def integers(self, field: int) -> list[int]:
        return [int(value) for value in self.vector(field, np.dtype("<i4"))]

    def tables(self, field: int) -> list[_Table]:
        place = self._place(field)
        if place is None:
            return []
        start = place + _uint(self.data, place) + 4
        places = [start + 4 * i for i in range(_uint(self.data, start - 4))]
        return [_Table(self.data, each + _uint(self.data, each)) for each in places]


def _uint(data: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", data, position)[0])


def _kind(code: _Table) -> str:
    number = max(code.integer(0, "<b"), code.integer(3, "<i"))
    if number == _CUSTOM:
        return bytes(code.vector(1, np.dtype("u1"))).decode()
    if number not in _BUILTIN:
        raise ValueError(f"operator {number} is not known")
    return _BUILTIN[number]


def _constant(tensor: _Table, buffers: list[_Table]) -> np.ndarray | None:
    content = buffers[tensor.integer(2, "<I")].vector(0, np.dtype("u1"))
    if not len(content):
        return None
    number = tensor.integer(1, "<b")
    if number not in _DTYPES:
        raise ValueError(f"tensor type {number} is not known")
    values = np.frombuffer(content.tobytes(), _DTYPES[number])
    shape = tensor.integers(0)
    sparsity = tensor.table(6)
    return values.reshape(shape) if sparsity is None else _dense(values, shape, sparsity)


def _dense(values: np.ndarray, shape: list[int], sparsity: _Table) -> np.ndarray:
    """Spread the values of a sparse tensor without blocks, whose dimensions are dense or compressed (CSR)."""
    order = sparsity.integers(0)
    if sparsity.integers(1) or order != list(range(len(shape))):
        raise ValueError("a sparse tensor with blocks or in another order is not known")
    places: list[tuple[int, ...]] = [()]
    for level, dimension in enumerate(sparsity.tables(2)):
        if dimension.integer(0, "<b") == 0:
            places = [(*each, index) for each, index in product(places, range(shape[level]))]
            continue
        segments, indices = _sparse_indices(dimension, 2), _sparse_indices(dimension, 4)
        places = [
            (*each, int(index))
            for number, each in enumerate(places)
            for index in indices[segments[number] : segments[number + 1]]
        ]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(np.array(places).T)] = values
    return dense


def _sparse_indices(dimension: _Table, field: int) -> np.ndarray:
    vector = dimension.table(field + 1)
    if vector is None:
        raise ValueError("a sparse tensor lacks its indices")
    return vector.vector(0, _INDEX_DTYPES[dimension.integer(field, "<B")])
