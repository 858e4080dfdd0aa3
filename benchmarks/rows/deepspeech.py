"""DeepSpeech 0.1.0 at its published size, random weights, against the same layers in TensorFlow.

TensorFlow is no dependency: `pip install tensorflow-cpu` for this row alone.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.bench import Scale, Timing
from benchmarks.deepspeech import PUBLISHED
from difftalker.audio.deepspeech.network import INPUTS, DeepSpeech

TITLE = "DeepSpeech's network on speech, CPU, random weights"
PEER = "the same layers in TensorFlow, compiled as a graph"
UNIT = "rows/s"
GOAL = ">= 1.5x"

_ROWS = {"tiny": 20, "quick": 1000, "full": 3000, "gpu": 3000}  # 50 per second
_SMALL = (64, 64, 128, 64, 64)
_PIECE = 1500
_CLIP = 20.0


def missing(work: Path) -> str | None:
    found = importlib.util.find_spec("tensorflow") is not None
    return None if found else "`pip install tensorflow-cpu`, then `python -m benchmarks.bench --only deepspeech`"


def prepare(work: Path, scale: Scale) -> None:
    """Inputs, and weights of the network as both sides read them."""
    torch.manual_seed(0)
    network = DeepSpeech(_SMALL if scale == "tiny" else PUBLISHED)
    torch.save(network.state_dict(), work / "weights.pt")
    np.save(work / "rows.npy", np.random.default_rng(0).normal(size=(_ROWS[scale], INPUTS)).astype(np.float32))


@torch.inference_mode()
def ours(work: Path, scale: Scale) -> Timing:
    rows = torch.from_numpy(np.load(work / "rows.npy"))
    network = DeepSpeech(_SMALL if scale == "tiny" else PUBLISHED).eval()
    network.load_state_dict(torch.load(work / "weights.pt", weights_only=True))

    def run(count: int) -> torch.Tensor:
        return torch.cat(list(network.stream(lambda start, stop: rows[start:stop], count, _PIECE)))

    run(20)
    started = time.perf_counter()
    logits = run(len(rows))
    seconds = time.perf_counter() - started
    np.save(work / "ours.npy", logits.numpy())
    return Timing(seconds, len(rows))


def peer(work: Path, scale: Scale) -> Timing:
    import tensorflow as tf

    rows = tf.constant(np.load(work / "rows.npy"))
    weights = {key: value.numpy() for key, value in torch.load(work / "weights.pt", weights_only=True).items()}
    cells = [_lstm(tf, weights, name) for name in ("forward_cell", "backward_cell")]

    @tf.function(reduce_retracing=True)
    def network(x):  # type: ignore[no-untyped-def]
        for name in ("layer1", "layer2", "layer3"):
            x = tf.clip_by_value(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"], 0, _CLIP)
        forward = cells[0](x[None])[0]
        backward = tf.reverse(cells[1](tf.reverse(x, [0])[None])[0], [0])
        x = tf.concat([forward, backward], 1)
        x = tf.clip_by_value(x @ weights["layer5.weight"].T + weights["layer5.bias"], 0, _CLIP)
        return x @ weights["layer6.weight"].T + weights["layer6.bias"]

    network(rows)  # traced
    started = time.perf_counter()
    logits = network(rows).numpy()
    seconds = time.perf_counter() - started
    np.save(work / "peer.npy", logits)
    return Timing(seconds, len(rows))


def check(work: Path) -> str:
    mine, theirs = np.load(work / "ours.npy"), np.load(work / "peer.npy")
    difference = float(np.abs(mine - theirs).max() / np.abs(theirs).max())
    assert difference < 1e-3, difference
    return f"to {difference:.0e} of the largest logit"


def _lstm(tf, weights: dict[str, np.ndarray], name: str):  # type: ignore[no-untyped-def]
    """Keras' LSTM, whose gates stand in torch's order, with torch's weights."""
    cell = tf.keras.layers.LSTM(weights[f"{name}.weight_hh_l0"].shape[1], return_sequences=True)
    cell.build((None, None, weights[f"{name}.weight_ih_l0"].shape[1]))
    bias = weights[f"{name}.bias_ih_l0"] + weights[f"{name}.bias_hh_l0"]
    cell.set_weights([weights[f"{name}.weight_ih_l0"].T, weights[f"{name}.weight_hh_l0"].T, bias])
    return cell
