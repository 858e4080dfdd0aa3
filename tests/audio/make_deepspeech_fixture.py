"""Make `deepspeech_small.pb` and `deepspeech_small.npz`: DeepSpeech 0.1.0 with 64 units a layer, run by TensorFlow.

The graph is built with TensorFlow's own operations and cells under the names of the published graph, with random
weights, and frozen as that is. TensorFlow 2.15 is the last that has these cells; it is no dependency of the project:

    python -m venv tf && tf/bin/pip install tensorflow-cpu==2.15.1 scipy python_speech_features
    tf/bin/python tests/audio/make_deepspeech_fixture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from python_speech_features import mfcc

FOLDER = Path(__file__).parent
UNITS, CELLS, LETTERS, CONTEXT, COEFFICIENTS = 64, 64, 29, 9, 26
CLIP = 20.0
tf1 = tf.compat.v1


def sound(seconds: float, seed: int) -> np.ndarray:
    """Tones that glide and pulse, over noise: (n,) int16 at 16 kHz."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(16_000 * seconds)) / 16_000
    tone = np.sin(2 * np.pi * (200 + 900 * time) * time) * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * time))
    return ((0.4 * tone + 0.05 * generator.standard_normal(len(time))) * 20_000).astype(np.int16)


def network_input(samples: np.ndarray) -> np.ndarray:
    """What the published feature extraction feeds: (rows, 494)."""
    features = mfcc(samples, samplerate=16_000, numcep=COEFFICIENTS)[::2]
    edge = np.zeros((CONTEXT, COEFFICIENTS))
    padded = np.concatenate([edge, features, edge])
    rows = np.stack([padded[index : index + 2 * CONTEXT + 1].ravel() for index in range(len(features))])
    return (rows - rows.mean()) / rows.std()


def dense(name: str, inputs: tf.Tensor, width: int, scale: float, clipped: bool = True) -> tf.Tensor:
    height = int(inputs.shape[-1])
    bias = tf1.get_variable(f"b{name}", [width], initializer=tf1.random_normal_initializer(stddev=0.3))
    matrix = tf1.get_variable(
        f"h{name}", [height, width], initializer=tf1.random_normal_initializer(stddev=scale / np.sqrt(height))
    )
    value = tf.add(tf.matmul(inputs, matrix), bias)
    return tf.minimum(tf.nn.relu(value), CLIP) if clipped else value


def build() -> None:
    width = COEFFICIENTS * (2 * CONTEXT + 1)
    batch = tf1.placeholder(tf.float32, [None, None, width], name="input_node")
    lengths = tf1.placeholder(tf.int32, [None], name="input_lengths")
    shape = tf.shape(batch)
    rows = tf.reshape(tf.transpose(batch, [1, 0, 2]), [-1, width])
    layer = dense("1", rows, UNITS, 6.0)
    layer = dense("2", layer, UNITS, 3.0)
    layer = dense("3", layer, 2 * CELLS, 3.0)
    layer = tf.reshape(layer, [-1, shape[0], 2 * CELLS])
    cells = [tf1.nn.rnn_cell.BasicLSTMCell(CELLS, forget_bias=1.0, state_is_tuple=True) for _ in range(2)]
    with tf1.variable_scope("", initializer=tf1.random_normal_initializer(stddev=0.08)):
        outputs, _ = tf1.nn.bidirectional_dynamic_rnn(
            *cells, inputs=layer, dtype=tf.float32, time_major=True, sequence_length=lengths
        )
    layer = tf.reshape(tf.concat(outputs, 2), [-1, 2 * CELLS])
    layer = dense("5", layer, UNITS, 3.0)
    layer = dense("6", layer, LETTERS, 1.0, clipped=False)
    tf.reshape(layer, [-1, shape[0], LETTERS], name="logits")


def main() -> None:
    tf1.disable_v2_behavior()
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.set_random_seed(1)
        build()
        session.run(tf1.global_variables_initializer())
        for variable in tf1.global_variables():  # a bias of the cells starts at zero, which would hide its place
            if variable.op.name.endswith("basic_lstm_cell/bias"):
                session.run(variable.assign(np.random.default_rng(2).normal(0, 0.5, variable.shape)))
        frozen = tf1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["logits"])
    (FOLDER / "deepspeech_small.pb").write_bytes(frozen.SerializeToString(deterministic=True))
    arrays = {}
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.import_graph_def(frozen, name="deepspeech")
        for name, samples in {"short": sound(0.3, 3), "long": sound(1.7, 4)}.items():
            rows = network_input(samples)
            feed = {"deepspeech/input_node:0": rows[None], "deepspeech/input_lengths:0": [len(rows)]}
            logits = session.run("deepspeech/logits:0", feed)[:, 0]
            arrays |= {f"{name}_samples": samples, f"{name}_logits": logits}
            print(name, logits.shape, "from", logits.min(), "to", logits.max())
    np.savez_compressed(FOLDER / "deepspeech_small.npz", **arrays)


if __name__ == "__main__":
    main()
