"""The one table of pretrained weights: address, size, published hash, licence and use of each.

The hashes are those that the publishers or several independent users have published. Those of Stable Diffusion's
small configurations follow from the git object names of the pinned revision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from difftalker.errors import UserError

_SD15 = "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5/resolve/451f4fe16113bff5a5d2269ed5ad43b0592e9a14"


@dataclass(frozen=True)
class WeightFile:
    """One file of a weight.

    Attributes:
        path: its place in the weight's folder.
        url: where it is published; None for a file of one's own.
        hash: `sha256:` or, where only that is published, `sha1:`, and lower-case hexadecimal digits.
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
    """A pretrained network: one file, or several in the folder format of its library."""

    name: str
    files: tuple[WeightFile, ...]
    licence: str
    purpose: str


def _sd15(path: str, size: int, sha256: str) -> WeightFile:
    return WeightFile(path, f"{_SD15}/{path}", f"sha256:{sha256}", size)


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
    ),
    Weight(
        "s3fd",
        (
            WeightFile(
                "s3fd-619a316812.pth",
                "https://www.adrianbulat.com/downloads/python-fan/s3fd-619a316812.pth",
                hash="sha256:619a31681264d3f7f7fc7a16a42cbbe8b23f31a256f75a366e5a1bcd59b33543",
                size=89_843_225,
            ),
        ),
        "BSD-3-Clause; trained on WIDER FACE, for research",
        "face detector beside FAN and SyncNet",
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
                "unet/diffusion_pytorch_model.safetensors",
                3_438_167_540,
                "19da7aaa4b880e59d56843f1fcb4dd9b599c28a1d9d9af7c1143057c8ffae9f1",
            ),
            _sd15("unet/config.json", 743, "78f474de6bab3d893868f37be97b636ae65c0df3073ed3256ca458ff599b5f96"),
            _sd15(
                "vae/diffusion_pytorch_model.safetensors",
                334_643_276,
                "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c",
            ),
            _sd15("vae/config.json", 547, "786a7d21647ddea6a04b9675c03d3cb45e90a2f3c6da5fbda2c54ade040036de"),
            _sd15(
                "text_encoder/model.safetensors",
                492_265_874,
                "d008943c017f0092921106440254dbbe00b6a285f7883ec8ba160c3faad88334",
            ),
            _sd15("text_encoder/config.json", 617, "845df614cb9327ae7bbea027316246fae917827407da6df13572e41b5f93b4cc"),
            _sd15(
                "scheduler/scheduler_config.json",
                308,
                "699cce92eb7c122e2eb7dfdea78e6187fda76a5ed4a8e42319b85610e620e091",
            ),
        ),
        "CreativeML Open RAIL-M",
        "Stable Diffusion 1.5, the prior of the paper; its text encoder only for the empty prompt",
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
    return replace(weight, files=(replace(weight.files[0], url=None, hash=pin, size=None),))
