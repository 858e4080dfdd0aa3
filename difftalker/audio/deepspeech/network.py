"""The network of DeepSpeech 0.1.0: three dense layers, a bidirectional LSTM, two dense layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from difftalker.audio.deepspeech.graph import TensorFlowGraph, read_tensorflow_graph
from difftalker.errors import UserError

INPUTS = 494  # 19 neighbouring rows of 26 coefficients
LETTERS = 29  # a-z, space, apostrophe, blank
_CLIP = 20.0
_FORGET_BIAS = 1.0  # BasicLSTMCell adds it to the forget gate
_RESULT = "logits"
_STATE = tuple[Tensor, Tensor]


class DeepSpeech(nn.Module):
    """Rows of 494 values -> rows of 29 logits, before the softmax; run with `stream`.

    Args:
        widths: of the layers 1, 2, 3, of one direction of the LSTM, and of layer 5. The published network has
            2048, 2048, 4096, 2048, 2048.
    """

    def __init__(self, widths: tuple[int, int, int, int, int]) -> None:
        super().__init__()
        first, second, third, cell, fifth = widths
        self.layer1 = nn.Linear(INPUTS, first)
        self.layer2 = nn.Linear(first, second)
        self.layer3 = nn.Linear(second, third)
        self.forward_cell = nn.LSTM(third, cell)
        self.backward_cell = nn.LSTM(third, cell)
        self.layer5 = nn.Linear(2 * cell, fifth)
        self.layer6 = nn.Linear(fifth, LETTERS)

    def before(self, rows: Tensor) -> Tensor:
        """The layers before the LSTM, (n, 494) -> (n, third); each row by itself."""
        for layer in (self.layer1, self.layer2, self.layer3):
            rows = layer(rows).clamp(0, _CLIP)
        return rows

    def after(self, rows: Tensor) -> Tensor:
        """The layers after the LSTM, (n, 2 cell) -> (n, 29); each row by itself."""
        return self.layer6(self.layer5(rows).clamp(0, _CLIP))

    def stream(self, rows: Callable[[int, int], Tensor], count: int, piece: int) -> Iterator[Tensor]:
        """Logits for any number of rows, in memory of a piece.

        The backward LSTM runs from the end to note its state at the end of each piece, then once more within each piece
        on the way from the start; so every layer sees what it would see in one pass.

        Args:
            rows: gives rows start to stop, (stop - start, 494) float32; asked twice for all but the first piece.
            count: rows in all.
            piece: rows of a piece.

        Yields:
            (piece, 29) float32, the last one shorter.
        """
        pieces = [(start, min(start + piece, count)) for start in range(0, count, piece)]
        states: list[_STATE | None] = [None] * len(pieces)
        for index in reversed(range(1, len(pieces))):
            _, states[index - 1] = self.backward_cell(self.before(rows(*pieces[index])).flip(0), states[index])
        state: _STATE | None = None
        for bounds, back_state in zip(pieces, states, strict=True):
            hidden = self.before(rows(*bounds))
            forwards, state = self.forward_cell(hidden, state)
            backwards, _ = self.backward_cell(hidden.flip(0), back_state)
            yield self.after(torch.cat([forwards, backwards.flip(0)], dim=1))


def load_deepspeech(path: Path) -> DeepSpeech:
    """Build the network from the constants of a frozen graph.

    Args:
        path: GraphDef with the node `logits` and the variables of DeepSpeech 0.1.0 as constants, under any prefix.

    Returns:
        The network on the CPU, frozen, in evaluation mode.

    Raises:
        UserError: the file is no such graph: cut, another network, another version.
    """
    graph = read_tensorflow_graph(path)
    try:
        return _build(graph)
    except ValueError as error:
        raise UserError(f"{path}: not the network of DeepSpeech 0.1.0: {error}") from None


def _build(graph: TensorFlowGraph) -> DeepSpeech:
    if not any(re.fullmatch(rf"(.*/)?{_RESULT}", name) for name in graph.nodes):
        raise ValueError(f"it has no node {_RESULT}")
    dense = {index: (_constant(graph, f"h{index}"), _constant(graph, f"b{index}")) for index in (1, 2, 3, 5, 6)}
    cells = {
        name: tuple(_constant(graph, f"{name}/basic_lstm_cell/{part}") for part in ("kernel", "bias"))
        for name in ("fw", "bw")
    }
    first, second, third, fifth = (dense[index][0].shape[-1] for index in (1, 2, 3, 5))
    cell = cells["fw"][0].shape[-1] // 4
    network = DeepSpeech((first, second, third, cell, fifth))
    state: dict[str, np.ndarray] = {}
    for index, (matrix, bias) in dense.items():
        state |= {f"layer{index}.weight": matrix.T, f"layer{index}.bias": bias}
    for name, (kernel, bias) in zip(("forward_cell", "backward_cell"), cells.values(), strict=True):
        weight, bias = _torch_order(kernel.T), _torch_order(bias).copy()  # rows, or numbers, of i, f, j, o
        bias[cell : 2 * cell] += _FORGET_BIAS
        state |= {f"{name}.weight_ih_l0": weight[:, :third], f"{name}.weight_hh_l0": weight[:, third:]}
        state |= {f"{name}.bias_ih_l0": bias, f"{name}.bias_hh_l0": np.zeros_like(bias)}
    for key, expected in network.state_dict().items():
        if state[key].shape != tuple(expected.shape):
            raise ValueError(f"{key} has the shape {state[key].shape} instead of {tuple(expected.shape)}")
    network.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in state.items()})
    return network.requires_grad_(False).eval()


def _torch_order(gates: np.ndarray) -> np.ndarray:
    """Gates along the first axis, from TensorFlow's order i, j, f, o to torch's i, f, g (which is j), o."""
    if len(gates) % 4:
        raise ValueError(f"an LSTM with {len(gates)} gate values")
    i, j, f, o = np.split(gates, 4)
    return np.concatenate([i, f, j, o])


def _constant(graph: TensorFlowGraph, name: str) -> np.ndarray:
    found = [key for key in graph.constants if key == name or key.endswith(f"/{name}")]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} constants {name} instead of one")
    value = graph.constants[found[0]]
    expected = 1 if (name.startswith("b") and "/" not in name) or name.endswith("bias") else 2
    if value.ndim != expected:
        raise ValueError(f"{name} has the shape {value.shape}")
    return value
