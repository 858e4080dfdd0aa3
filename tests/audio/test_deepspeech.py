"""DeepSpeech 0.1.0 in torch against TensorFlow (see make_deepspeech_fixture.py) and python_speech_features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from python_speech_features import mfcc

from difftalker.audio.deepspeech import features, network
from difftalker.audio.deepspeech.encoder import DeepSpeechEncoder
from difftalker.audio.deepspeech.features import DeepSpeechInput, mfcc_at_50_hz
from difftalker.audio.deepspeech.graph import TensorFlowGraph, read_tensorflow_graph
from difftalker.audio.deepspeech.network import load_deepspeech
from difftalker.audio.encoder import make_encoder
from difftalker.config import AudioConfig
from difftalker.errors import UserError
from difftalker.weights.store import WEIGHTS_VARIABLE

SMALL = Path(__file__).parent / "deepspeech_small.pb"
FIXTURE: Mapping[str, np.ndarray] = np.load(SMALL.with_suffix(".npz"))
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def encoder() -> DeepSpeechEncoder:
    return DeepSpeechEncoder(SMALL, CPU)


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).integers(-8000, 8000, round(16_000 * seconds)).astype(np.int16)


def field_input(samples: np.ndarray) -> np.ndarray:
    """The network's input as the field's scripts compute it, whole, with python_speech_features."""
    found = mfcc(samples, samplerate=16_000, numcep=26)[::2]
    padded = np.concatenate([np.zeros((9, 26)), found, np.zeros((9, 26))])
    rows = np.stack([padded[index : index + 19].ravel() for index in range(len(found))])
    return (rows - rows.mean()) / rows.std()


def field_windows(rows: np.ndarray) -> np.ndarray:
    """Windows of 16 rows, stride 2, behind 8 rows of zeros, as the field's scripts cut them."""
    padded = np.concatenate([np.zeros((8, 29)), rows, np.zeros((8, 29))])
    return np.stack([padded[start : start + 16] for start in range(0, len(padded) - 16, 2)])


@pytest.mark.parametrize("clip", ["short", "long"])
@pytest.mark.parametrize("piece", [1, 7, 84, 1500])
def test_logits_are_those_of_tensorflow(clip: str, piece: int) -> None:
    found = DeepSpeechEncoder(SMALL, CPU, piece).logits(FIXTURE[f"{clip}_samples"])
    expected = FIXTURE[f"{clip}_logits"]
    assert found.shape == expected.shape and found.dtype == np.float32
    assert expected.std() > 0.5  # no trivial network
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_logits_on_a_gpu() -> None:
    found = DeepSpeechEncoder(SMALL, torch.device("cuda"), 40).logits(FIXTURE["long_samples"])
    np.testing.assert_allclose(found, FIXTURE["long_logits"], atol=1e-4)


def test_fixture_reaches_the_clipping() -> None:
    model = load_deepspeech(SMALL)
    rows = torch.from_numpy(DeepSpeechInput(FIXTURE["long_samples"])(0, 85))
    assert (model.layer1(rows) > 20).any() and (model.before(rows) == 20).any()


def test_memory_is_that_of_a_piece(encoder: DeepSpeechEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = noise(30.0)
    whole = encoder.logits(samples)
    sizes: list[int] = []
    before = encoder.network.before
    monkeypatch.setattr(encoder.network, "before", lambda rows: [sizes.append(len(rows)), before(rows)][1])
    monkeypatch.setattr(encoder, "piece", 100)
    np.testing.assert_allclose(encoder.logits(samples), whole, atol=1e-5)
    assert max(sizes) == 100 and sum(sizes) == 2 * 1500 - 100  # all but the first piece twice


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.36, 1.0, 7.77])
def test_input_rows(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "_PIECE", 50)
    samples = noise(seconds)
    expected = field_input(samples)
    rows = DeepSpeechInput(samples)
    assert rows.count == len(expected)
    np.testing.assert_allclose(rows(0, rows.count), expected, atol=1e-5)
    if rows.count > 4:
        np.testing.assert_allclose(rows(2, 4), expected[2:4], atol=1e-5)


@given(st.integers(1, 40_000))
def test_coefficients_of_any_length(length: int) -> None:
    samples = noise(2.5)[:length]
    np.testing.assert_allclose(mfcc_at_50_hz(samples), mfcc(samples, samplerate=16_000, numcep=26)[::2], atol=1e-6)


def test_digital_silence(encoder: DeepSpeechEncoder) -> None:
    assert np.isfinite(encoder.encode(np.zeros(16_000, np.int16), 25, 25.0)).all()


@pytest.mark.parametrize(("seconds", "count"), [(1, 25), (10, 250), (60, 1500)])
def test_windows(encoder: DeepSpeechEncoder, seconds: int, count: int) -> None:
    samples = noise(seconds)
    rows = encoder.logits(samples)
    assert rows.shape == (50 * seconds, 29)
    found = encoder.encode(samples, count, 25.0)
    assert found.shape == (count, 16, 29)
    np.testing.assert_array_equal(found, field_windows(rows).astype(np.float32))
    assert (found[0, :8] == 0).all() and (found[-1, 10:] == 0).all()


def test_rows_are_as_long_as_the_sound(encoder: DeepSpeechEncoder) -> None:
    for length in (0, 100, 161, 15_000, 16_159):
        assert len(encoder.logits(noise(2.0)[:length])) == int(length / 320 + 0.5)


def test_prefix_does_not_matter() -> None:
    graph = read_tensorflow_graph(SMALL)
    moved = TensorFlowGraph(
        frozenset(f"deepspeech/{name}" for name in graph.nodes),
        {f"deepspeech/{name}": value for name, value in graph.constants.items()},
    )
    expected = load_deepspeech(SMALL).state_dict()
    for key, value in network._build(moved).state_dict().items():
        assert torch.equal(value, expected[key])


def test_short_constants_repeat_their_last_value(tmp_path: Path) -> None:
    def field(number: int, content: bytes) -> bytes:
        return bytes([8 * number + 2, len(content)]) + content

    shape = field(2, b"\x08\x02") + field(2, b"\x08\x03")  # 2 x 3
    tensor = b"\x08\x01" + field(2, shape) + field(5, np.array([1.5, 2.5], "<f4").tobytes())
    node = field(1, b"x") + field(5, field(1, b"value") + field(2, field(8, tensor)))
    (tmp_path / "graph.pb").write_bytes(field(1, node))
    found = read_tensorflow_graph(tmp_path / "graph.pb").constants["x"]
    np.testing.assert_array_equal(found, [[1.5, 2.5, 2.5], [2.5, 2.5, 2.5]])


@given(cut=st.floats(0, 1, exclude_max=True))
@example(cut=0.99999)
def test_truncated_graph_is_one_line(cut: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = SMALL.read_bytes()
    path = tmp_path_factory.getbasetemp() / "cut.pb"
    path.write_bytes(content[: int(cut * len(content))])
    try:
        state = load_deepspeech(path).state_dict()
    except UserError as error:
        assert "cut.pb: not " in str(error) and "\n" not in str(error)
    else:  # the version note at the end may be lost, and nothing else
        assert len(content) * (1 - cut) < 64
        whole = load_deepspeech(SMALL).state_dict()
        assert all(torch.equal(state[name], value) for name, value in whole.items())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(100), "not a frozen TensorFlow graph"),
        (b"<html>Not Found</html>", "not a frozen TensorFlow graph"),
        (SMALL.read_bytes().replace(b"logits", b"result"), "it has no node logits"),
        (SMALL.read_bytes().replace(b"bw/basic_lstm_cell", b"bw/fused_lstm_cell"), "0 constants bw/basic_lstm_cell"),
        (SMALL.read_bytes().replace(b"h5", b"h9"), "0 constants h5"),
    ],
    ids=["archive", "page", "result", "one direction", "layer"],
)
def test_other_files_are_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pb"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_deepspeech(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("h1", (520, 64)),
        ("h2", (65, 64)),
        ("b3", (127,)),
        ("h6", (64, 30)),
        ("b6", (29, 1)),
        ("bidirectional_rnn/bw/basic_lstm_cell/kernel", (192, 255)),
        ("bidirectional_rnn/fw/basic_lstm_cell/bias", (9,)),
    ],
)
def test_other_sizes_are_refused(name: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = read_tensorflow_graph(SMALL)
    changed = TensorFlowGraph(graph.nodes, graph.constants | {name: np.zeros(shape, np.float32)})
    monkeypatch.setattr(network, "read_tensorflow_graph", lambda path: changed)
    with pytest.raises(UserError, match=r"not the network of DeepSpeech 0\.1\.0: "):
        load_deepspeech(SMALL)


def test_missing_weights_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    with pytest.raises(UserError, match="difftalker weights fetch deepspeech"):
        make_encoder(AudioConfig(encoder="deepspeech"))
