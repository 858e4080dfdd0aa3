"""A trained face as one folder: `data/models` of a project, or a copy of it that `difftalker export` made.

    face.json       what the face is: crop rule, detector, audio encoder, sampling, the speaker's measures
    prior/ landmarks/ face/ decoder/    the networks: configurations and safetensors
    footage/        the face in the base footage (face_track.safetensors); in a copy, also that footage
    README.md       model card, in a copy

Nothing in it depends on where it lies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from difftalker.config import AudioConfig, DetectorConfig, SamplingConfig, WeightsConfig
from difftalker.errors import UserError
from difftalker.files import replacing

FORMAT = 3  # raised when the folder changes: a version reads its own format alone
DESCRIPTION = "face.json"
FOOTAGE, FACE_TRACK = "footage", "face_track.safetensors"
NETWORKS = ("prior", "landmarks", "face", "decoder")
FACE_FILES = (*NETWORKS, DESCRIPTION, f"{FOOTAGE}/{FACE_TRACK}")  # all that a training leaves

_REPAIR = "run `dvc repro describe_speaker`, or export the face again"
_STRICT = ConfigDict(extra="forbid", strict=True)
JawWeights = Annotated[list[float], Field(min_length=18, max_length=18)]
DESCRIPTOR_SIZE = (16, 10)  # width and height of a descriptor of the upper face, see `dub.identity`
OPENING_LEVELS = 65  # of the curve of openings, see `completion.articulation`
Descriptor = Annotated[
    list[float],
    Field(min_length=DESCRIPTOR_SIZE[0] * DESCRIPTOR_SIZE[1], max_length=DESCRIPTOR_SIZE[0] * DESCRIPTOR_SIZE[1]),
]
Openings = Annotated[list[float], Field(min_length=OPENING_LEVELS, max_length=OPENING_LEVELS)]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]


@dataclass(frozen=True, config=_STRICT)
class Speaker:
    """Measures of the speaker in the training footage.

    Attributes:
        closed_mouth: the 20 mouth points at rest, in the frame of the landmark network's mean shape.
        face_position: middle of the face in the picture (x over the width, y over the height) and its box's side over
            the width; absent where unknown.
        head_turn_range: lowest and highest position of the nose's tip between the ends of the jaw line, 0 to 1.
        shape_deviation: how far from the mean shape the given landmarks are in an ordinary and in an extreme frame, in
            standard deviations.
        opening: rising openings of the landmark network's mouth when it is driven, and those of the speaker that take
            their place, see `completion.articulation`; without it the opening is the landmark network's.
        jaw: what the mouth's 40 coordinates and a constant add to the lower contour's 18, see
            `completion.articulation`; without it the contour is the landmark network's.
        face_descriptors: descriptors of the speaker's upper face in some frames, see `dub.identity`; without them
            every shot of a film counts as the speaker's.
    """

    closed_mouth: Annotated[list[Point], Field(min_length=20, max_length=20)]
    face_position: Annotated[list[float], Field(min_length=3, max_length=3)] | None
    head_turn_range: Annotated[list[float], Field(min_length=2, max_length=2)]
    shape_deviation: Annotated[list[float], Field(min_length=2, max_length=2)]
    opening: Annotated[list[Openings], Field(min_length=2, max_length=2)] | None = None
    jaw: Annotated[list[JawWeights], Field(min_length=41, max_length=41)] | None = None
    face_descriptors: Annotated[list[Descriptor], Field(min_length=1)] | None = None


@dataclass(frozen=True, config=_STRICT)
class Description:
    """`face.json`.

    Attributes:
        format: version of the folder's layout.
        name: what to call the face.
        version: version of the software that made it.
        size: side of the crop in pixels.
        crop_scale, smoothing_seconds: crop rule, see `config.FramesConfig`.
        fps: frames per second of the training footage's time base.
        detector, audio, sampling: the groups of the parameters.
        speaker: measures of the speaker.
        footage: the base footage, as recording and file name with a slash between; in an exported face it lies so under
            `footage/`, unless it was left out.
        weights: hashes of the pretrained weights that detector and audio encoder read; None takes the published ones.
    """

    format: int
    name: str
    version: str
    size: Annotated[int, Field(gt=0)]
    crop_scale: Annotated[float, Field(gt=0)]
    smoothing_seconds: Annotated[float, Field(ge=0)]
    fps: Annotated[float, Field(gt=0)]
    detector: DetectorConfig
    audio: AudioConfig
    sampling: SamplingConfig
    speaker: Speaker
    footage: str | None = None
    weights: WeightsConfig | None = None

    def names(self, film: Path) -> bool:
        """Whether a film is the base footage by its path: it lies in the same recording and has the same name."""
        parts = PurePosixPath(self.footage or ".").parts
        return bool(parts) and film.resolve().parts[-len(parts) :] == parts


_ADAPTER = TypeAdapter(Description)


def read_description(folder: Path) -> Description:
    """Read `face.json`.

    Raises:
        UserError: the folder is no face, is incomplete, or was made by a version with another format.
    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name a face that `difftalker export` made")
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder}: no face ({DESCRIPTION} is missing); `dvc repro` trains one, `difftalker export` copies one"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UserError(f"{path}: not readable; {_REPAIR}") from None
    found = data.get("format") if isinstance(data, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise UserError(f"{folder}: made by a newer version ({data.get('version')}, format {found}); update DiffTalker")
    if isinstance(found, int) and found < FORMAT:
        raise UserError(
            f"{folder}: made by an older version ({data.get('version')}, format {found}, not {FORMAT}); train the face "
            "anew with `dvc repro` and export it again"
        )
    try:
        return _ADAPTER.validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        raise UserError(f"{path}: key {key}: {first['msg'].lower()}; {_REPAIR}") from None


def write_description(folder: Path, description: Description) -> None:
    """Write `face.json`, whole or not at all."""
    text = json.dumps(asdict(description), indent=1, sort_keys=True)
    with replacing(folder / DESCRIPTION) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def own_footage(folder: Path, description: Description) -> Path | None:
    """The base footage in the folder itself; None if it was left out, as in `data/models`."""
    path = folder / FOOTAGE / description.footage if description.footage is not None else None
    return path if path is not None and path.is_file() else None


def network_files(folder: Path) -> Iterator[Path]:
    """The networks' files: configurations and safetensors, network by network, by name.

    Raises:
        UserError: a network is missing.
    """
    for network in NETWORKS:
        files = sorted(path for path in (folder / network).rglob("*") if path.suffix in (".json", ".safetensors"))
        if not files:
            raise UserError(
                f"{folder}: the face is incomplete ({network}/ is missing); run `dvc repro`, or export it again"
            )
        yield from files


def face_hash(folder: Path) -> str:
    """SHA-256 over the networks' files, by name: what a face is, wherever it lies.

    Raises:
        UserError: a network is missing.
    """
    digest = hashlib.sha256()
    for path in network_files(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
