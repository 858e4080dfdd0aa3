"""The encoder `whisper`: against plain computations, and the same in whichever parts a sound is read."""

from __future__ import annotations

import shutil
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.audio.encoder import InMemorySound, SoundSource, make_encoder
from difftalker.audio.whisper import weights
from difftalker.audio.whisper.encoder import (
    CONTEXT_ROWS,
    KEPT_ROWS,
    PADDED_ROWS,
    WhisperEncoder,
    network_rows,
    row_span,
    span_count,
)
from difftalker.audio.whisper.log_mel import mel_filters, whisper_log_mel
from difftalker.audio.whisper.network import WhisperNetwork, positions
from difftalker.config import AudioConfig
from difftalker.errors import UserError


@pytest.fixture(scope="module")
def encoder() -> WhisperEncoder:
    found = make_encoder(AudioConfig(encoder="whisper"))
    assert isinstance(found, WhisperEncoder)
    return found


def vowels(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) int16: a buzz of 120 Hz through formants that change five times a second, with pauses."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * 16_000)) / 16_000
    part = (time * 5).astype(int)
    formants = rng.uniform(300, 3000, (part.max() + 1, 2)) if len(part) else np.zeros((1, 2))
    sound = np.zeros_like(time)
    for harmonic in range(1, 40):
        frequency = 120.0 * harmonic
        gain = np.exp(-(((frequency - formants) / 150) ** 2)).sum(1)[part] if len(part) else 0.0
        sound += gain * np.sin(2 * np.pi * frequency * time)
    voiced = rng.uniform(size=len(formants)) > 0.2
    return np.rint(6000 * sound * voiced[part] + rng.normal(size=len(time))).clip(-32768, 32767).astype(np.int16)


@lru_cache(maxsize=1)
def long_sound() -> np.ndarray:
    return vowels(13.0)


# The rows of Whisper


def test_filters_are_those_of_whisper() -> None:
    """Values of the bank that faster-whisper 1.2.1 computes for tiny.en."""
    filters = mel_filters()
    assert filters.shape == (80, 201)
    assert float(filters.double().sum()) == pytest.approx(1.9990241527557373, rel=1e-6)
    known = {(0, 1): 0.02486259490251541, (60, 92): 0.005447903648018837, (79, 196): 0.0017950361361727118, (5, 4): 0.0}
    for (band, bin), value in known.items():
        assert float(filters[band, bin]) == pytest.approx(value, abs=1e-8)


def test_log_mel_of_a_tone_is_that_of_a_direct_sum() -> None:
    time = np.arange(1200) / 16_000
    signal = 0.3 * np.sin(2 * np.pi * 1000 * time) + 0.01 * np.random.default_rng(0).normal(size=1200)
    found = whisper_log_mel(torch.from_numpy(signal).float(), -10)
    assert found.shape == (80, 6)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for row in (0, 5):
        piece = signal[row * 160 : row * 160 + 400] * window
        waves = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
        energy = mel_filters().double().numpy() @ np.abs(waves @ piece) ** 2
        np.testing.assert_allclose(found[:, row].numpy(), (np.log10(energy) + 4) / 4, atol=1e-4)


def test_energies_end_at_the_floor() -> None:
    assert torch.equal(whisper_log_mel(torch.zeros(1000), -6.0), torch.full((80, 4), -0.5))


def test_positions_are_sines_and_cosines() -> None:
    found = positions(1500, 384)
    assert found.shape == (1500, 384)
    for row, column in ((0, 0), (7, 0), (7, 191), (1000, 20)):
        rate = 10_000 ** (-column / 191)
        assert float(found[row, column]) == pytest.approx(np.sin(row * rate), abs=1e-4)
        assert float(found[row, 192 + column]) == pytest.approx(np.cos(row * rate), abs=1e-4)


def test_the_network_is_the_one_written_out() -> None:
    """Plain loops over heads and rows, in float64, for a small network."""
    torch.manual_seed(0)
    network = WhisperNetwork(8, 2, 2).double()
    mel = torch.randn(1, 80, 10, dtype=torch.float64)
    state = {name: value.numpy() for name, value in network.state_dict().items()}

    def gelu(x: np.ndarray) -> np.ndarray:
        return x * 0.5 * (1 + np.vectorize(__import__("math").erf)(x / np.sqrt(2)))

    def convolve(x: np.ndarray, name: str, stride: int) -> np.ndarray:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        padded = np.pad(x, ((0, 0), (1, 1)))
        starts = range(0, x.shape[1], stride)
        return np.stack([np.tensordot(weight, padded[:, s : s + 3], 2) + bias for s in starts], 1)

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        scaled = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    x = gelu(convolve(gelu(convolve(mel[0].numpy(), "conv1", 1)), "conv2", 2)).T + positions(5, 8).numpy()
    for layer in range(2):
        name = f"layers.{layer}"
        query, key, value = np.split(linear(norm(x, f"{name}.attention_norm"), f"{name}.query_key_value"), 3, 1)
        heard = np.zeros_like(x)
        for head in (slice(0, 4), slice(4, 8)):
            scores = np.exp(query[:, head] @ key[:, head].T / 2)
            heard[:, head] = scores / scores.sum(1, keepdims=True) @ value[:, head]
        x = x + linear(heard, f"{name}.out")
        x = x + linear(gelu(linear(norm(x, f"{name}.mlp_norm"), f"{name}.up")), f"{name}.down")
    np.testing.assert_allclose(network(mel)[0].detach().numpy(), x, atol=1e-10)


# Any sound


@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.03, 0.5, 3.0])
def test_any_length_has_the_contract(encoder: WhisperEncoder, seconds: float) -> None:
    frames = max(1, round(seconds * 25))
    found = encoder.encode(vowels(seconds), frames, 25.0)
    assert found.shape == (frames, 16, 29) and found.dtype == np.float32 and np.isfinite(found).all()


def test_values_are_of_about_unit_scale(encoder: WhisperEncoder) -> None:
    found = encoder.encode(long_sound(), 325, 25.0)
    assert 0.3 < found.std() < 3 and np.abs(found).max() < 30


def test_parts_are_those_of_the_whole_to_the_bit(encoder: WhisperEncoder) -> None:
    sound = InMemorySound(long_sound())
    whole = encoder.listen(sound)(-8, 658)
    read = encoder.listen(sound)
    for begin, end in ((600, 658), (-8, 3), (280, 310), (100, 601)):  # not in order
        np.testing.assert_array_equal(read(begin, end), whole[begin + 8 : end + 8])


class Numbered(WhisperEncoder):
    """Its rows hold their own numbers."""

    def __init__(self) -> None:
        pass

    def stretch(self, sound: SoundSource, level: float, number: int) -> np.ndarray:
        stretch = row_span(number, sound.samples)
        return np.repeat(np.arange(stretch.first, stretch.last, dtype=np.float32)[:, None], 29, axis=1)


@given(st.integers(0, 700_000), st.lists(st.tuples(st.integers(-20, 2300), st.integers(0, 1300)), max_size=8))
def test_any_part_of_any_length_has_its_own_rows(length: int, parts: list[tuple[int, int]]) -> None:
    read = Numbered().listen(InMemorySound(np.zeros(length, np.int16)))
    last = int(length / 320 + 0.5) + PADDED_ROWS - 1
    for begin, count in parts:
        found = read(begin, begin + count)
        np.testing.assert_array_equal(found[:, 0], np.arange(begin, begin + count).clip(-PADDED_ROWS, last))


def test_reading_on_computes_every_stretch_once(encoder: WhisperEncoder) -> None:
    asked = []

    class Counted(InMemorySound):
        def read(self, first: int, last: int) -> np.ndarray:
            asked.append(first)
            return super().read(first, last)

    read = encoder.listen(Counted(long_sound()))
    for first in range(-8, 640, 24):
        read(first, first + 32)  # the windows of 9 frames overlap those before
    assert asked == sorted(set(asked)) and len(asked) == span_count(len(long_sound())) == 3


def test_no_rows_are_an_empty_array(encoder: WhisperEncoder) -> None:
    assert encoder.listen(InMemorySound(long_sound()))(7, 7).shape == (0, 29)


def test_rows_hear_their_own_time(encoder: WhisperEncoder) -> None:
    """What is said at a row's time matters most, and what is said beyond its stretch does not matter at all."""
    sound, changed = long_sound(), long_sound().copy()
    changed[10 * 16_000 : 10 * 16_000 + 1600] = vowels(1.0, seed=5)[8000:9600]
    level = InMemorySound(sound).level
    before, after = (
        np.concatenate([encoder.stretch(InMemorySound(each), level, number) for number in range(3)])
        for each in (sound, changed)
    )
    difference = np.abs(after - before).sum(1)
    assert difference.argmax() - PADDED_ROWS in range(498, 507)  # rows 500 to 504 are changed
    assert row_span(0, len(sound)).end < 499 and not difference[:KEPT_ROWS].any() and difference[KEPT_ROWS:].any()


def test_rows_are_centred_on_their_time() -> None:
    """A click in the middle of a row is heard alike by the energies before and after it."""
    heard = []

    class Listening(torch.nn.Module):
        def forward(self, mel: torch.Tensor) -> torch.Tensor:
            heard.append(mel[0].sum(0))
            return torch.zeros(1, mel.shape[2] // 2, 384)

    clicks = np.zeros(16_000, np.int16)
    clicks[20 * 320 + 160] = 20_000
    stretch = row_span(0, len(clicks))
    rows = network_rows(Listening(), InMemorySound(clicks), 1e-2, stretch)  # type: ignore[arg-type]
    assert len(rows) == 50 + 2 * PADDED_ROWS and len(heard[0]) == 2 * len(rows)
    middle = 2 * (20 - stretch.begin)
    assert heard[0].argmax() == middle
    torch.testing.assert_close(heard[0][middle - 1], heard[0][middle + 1], atol=1e-2, rtol=1e-3)


@given(st.integers(0, 10**7))
def test_stretches_keep_every_row_once(samples: int) -> None:
    stretches = [row_span(number, samples) for number in range(span_count(samples))]
    assert stretches[0].first == stretches[0].begin == -PADDED_ROWS
    for one, two in pairwise(stretches):
        assert one.last == two.first and one.end == min(one.last + CONTEXT_ROWS, stretches[-1].last)
        assert two.begin == two.first - CONTEXT_ROWS and two.last > two.first
    assert stretches[-1].last == stretches[-1].end == int(samples / 320 + 0.5) + PADDED_ROWS
    assert all(one.end - one.begin <= KEPT_ROWS + 2 * CONTEXT_ROWS for one in stretches)


@pytest.mark.parametrize("gain", [0.1, 0.5, 2.0])
def test_loudness_does_not_matter(encoder: WhisperEncoder, gain: float) -> None:
    sound = np.rint(long_sound()[:64_000] * 0.4).astype(np.int16)
    other = np.rint(sound * gain).astype(np.int16)
    plain, changed = (encoder.encode(s, 100, 25.0) for s in (sound, other))
    assert np.sqrt(np.mean((plain - changed) ** 2)) < 0.15 * plain.std()


def test_digital_silence_is_steady(encoder: WhisperEncoder) -> None:
    found = encoder.encode(np.zeros(48_000, np.int16), 75, 25.0)
    assert np.isfinite(found).all() and found.std(axis=(0, 1)).max() < 1.0  # edges apart, steady


def test_the_same_sound_gives_the_same_bytes() -> None:
    first, second = (WhisperEncoder().encode(long_sound()[:32_000], 50, 25.0) for _ in range(2))
    assert first.tobytes() == second.tobytes()


# The files


@pytest.mark.parametrize("name", ["encoder.safetensors", "components.safetensors"])
def test_an_altered_or_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    load = weights.load_whisper_network if name.startswith("encoder") else weights.load_whisper_components
    for file in weights.WHISPER_HASHES:
        shutil.copy(weights.WHISPER_FOLDER / file, tmp_path)
    load(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[-1] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}: altered, or of another version; install difftalker again"):
        load(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="altered"):
        load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file, though it ships with the package"):
        load(tmp_path)


def test_the_licence_is_beside_the_weights() -> None:
    text = (weights.WHISPER_FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "Copyright (c) 2022 OpenAI" in text and "Permission is hereby granted" in text
