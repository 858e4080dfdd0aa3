"""The one table of pretrained weights: address, size, published hash, licence and use of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from difftalker.config import Params
from difftalker.errors import UserError

SD15, SD15_REVISION = "stable-diffusion-v1-5/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"


@dataclass(frozen=True)
class WeightFile:
    """One file of a weight.

    Attributes:
        path: its place in the weight's folder.
        url: where it is published; None for a file of one's own.
        hash: `sha256:` and hexadecimal digits; `sha1:` where only that is published; `git:` for the name that git gives
            to the content in the publisher's repository (SHA-1 with the length before it).
        size: bytes, None where not published.
        member: its name in the zip archive at `url`; None where `url` is the file itself.
    """

    path: str
    url: str | None
    hash: str
    size: int | None = None
    member: str | None = None


@dataclass(frozen=True)
class Weight:
    """A pretrained network: one file, or several in the folder format of its library.

    Attributes:
        about: bytes of its numbers, where the file's size is not published.
    """

    name: str
    files: tuple[WeightFile, ...]
    licence: str
    purpose: str
    about: int | None = None


def _sd15(path: str, size: int, found: str) -> WeightFile:
    return WeightFile(path, f"https://huggingface.co/{SD15}/resolve/{SD15_REVISION}/{path}", found, size)


_ALL = (
    Weight(
        "deepspeech",
        (
            WeightFile(
                "deepspeech-0_1_0-b90017e8.pb",
                "https://github.com/osmr/deepspeech_features/releases/download/v0.0.1/deepspeech-0_1_0-b90017e8.pb.zip",
                hash="sha1:b90017e816572ddce84f5843f1fa21e6a377975e",
                member="deepspeech-0_1_0-b90017e8.pb",
            ),
        ),
        "MPL-2.0 (Mozilla DeepSpeech)",
        "audio features of the paper (audio.encoder: deepspeech)",
        about=491_000_000,
    ),
    Weight(
        "fan2d",
        (
            WeightFile(
                "2DFAN4-11f355bf06.pth.tar",
                "https://www.adrianbulat.com/downloads/python-fan/2DFAN4-11f355bf06.pth.tar",
                hash="sha256:11f355bf0693120222f5955ce3f9dc8fb5763ebb30a47d7906e509490d32e4aa",
            ),
        ),
        "BSD-3-Clause; trained on 300-W-LP, for research",
        "landmark detector of the paper (detector.name: fan)",
        about=95_000_000,
    ),
    Weight(
        "syncnet",
        (
            WeightFile(
                "syncnet_v2.model",
                "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
                hash="sha256:961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
                size=54_573_114,
            ),
        ),
        "MIT (syncnet_python); trained on BBC recordings",
        "sync expert behind LSE-D and LSE-C (syncnet.source: official)",
    ),
    Weight(
        "sd15",
        (
            _sd15(
                "unet/diffusion_pytorch_model.fp16.safetensors",
                1_719_125_304,
                "sha256:c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21",
            ),
            _sd15(
                "vae/diffusion_pytorch_model.fp16.safetensors",
                167_335_342,
                "sha256:4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c",
            ),
            _sd15(
                "text_encoder/model.fp16.safetensors",
                246_144_864,
                "sha256:77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e",
            ),
            _sd15("unet/config.json", 743, "git:1a02ee8abc93e840ffbcb2d68b66ccbcb74b3ab3"),
            _sd15("vae/config.json", 547, "git:55d78924fee13e4220f24320127c5f16284e13b9"),
            _sd15("text_encoder/config.json", 617, "git:4d3e873ab5086ad989f407abd50fdce66db8d657"),
            _sd15("scheduler/scheduler_config.json", 308, "git:82d05b0e688d7ea94675678646c427907419346e"),
            _sd15("tokenizer/vocab.json", 1_059_962, "git:469be27c5c010538f845f518c4f5e8574c78f7c8"),
            _sd15("tokenizer/merges.txt", 524_619, "git:76e821f1b6f0a9709293c3b6b51ed90980b3166b"),
            _sd15("tokenizer/tokenizer_config.json", 806, "git:5ba7bf706515bc60487ad0e1816b4929b82542d6"),
            _sd15("tokenizer/special_tokens_map.json", 472, "git:2c2130b544c0c5a72d5d00da071ba130a9800fb2"),
        ),
        "CreativeML Open RAIL-M",
        "Stable Diffusion 1.5, the prior of the paper (prior.source: huggingface)",
    ),
)


WEIGHTS = {weight.name: weight for weight in _ALL}


def weight_named(name: str, pin: str | None = None) -> Weight:
    """The weight of that name.

    Args:
        name: its name.
        pin: `weights.<name>` of params.yaml; another hash than the published one stands for a file of one's own.

    Raises:
        UserError: there is none, or it has several files and cannot be pinned to others.
    """
    if name not in WEIGHTS:
        raise UserError(f"weights {name!r}: unknown; known: {', '.join(WEIGHTS)}")
    weight = WEIGHTS[name]
    if pin is None or [file.hash for file in weight.files] == [pin]:
        return weight
    if len(weight.files) > 1:
        raise UserError(f"weights {name!r}: consist of several files, each with its published hash; a pin is for one")
    return replace(weight, files=(replace(weight.files[0], url=None, hash=pin, size=None),), about=None)


def needed_weights(params: Params) -> list[Weight]:
    """The weights that the stages read with these parameters, as they are pinned."""
    uses = {
        "deepspeech": params.audio.encoder == "deepspeech",
        "fan2d": params.detector.name == "fan",
        "syncnet": params.syncnet.source == "official",
        "sd15": params.prior.source == "huggingface"
        and (params.prior.model, params.prior.revision) == (SD15, SD15_REVISION),
    }
    pins = asdict(params.weights)
    return [weight_named(name, pins.get(name)) for name, used in uses.items() if used]
