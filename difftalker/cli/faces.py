"""Faces that the commands name: exported folders, or the networks that this project's pipeline trained."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difftalker.audio.wav import read_wav
from difftalker.cli.project import DATASET, FRAMES, LANDMARKS, MODELS, PARAMS, RAW
from difftalker.config import load_params
from difftalker.dataset import Dataset
from difftalker.drive.footage import Footage
from difftalker.drive.scene import Scene
from difftalker.errors import UserError
from difftalker.face_folder import DESCRIPTION, FORMAT, NETWORKS, Description, read_description
from difftalker.landmarks.mesh.region import upright_boxes
from difftalker.models.landmark_completion import LandmarkCompletion
from difftalker.speaker import measure_speaker
from difftalker.tables import metadata, read_table, tensor
from difftalker.talking_face import TalkingFace
from difftalker.version import VERSION
from difftalker.video.probe import list_videos


@dataclass(frozen=True)
class Named:
    """A face by its folder, with what `face.json` says or would say, its base footage and the face in that.

    Of an exported face, footage and scene are None: they lie in the folder, where `TalkingFace.load` finds them.
    """

    folder: Path
    description: Description
    footage: Path | None = None
    scene: Scene | None = None

    def load(self) -> TalkingFace:
        """The face itself, on the device of params.yaml where there is one."""
        device = load_params(PARAMS).device if PARAMS.is_file() else "auto"
        return TalkingFace.load(self.folder, self.description, self.footage, self.scene, device)


def find_face(folder: Path) -> Named:
    """The face in a folder.

    Args:
        folder: an exported face, or `data/models` of this project.

    Raises:
        UserError: there is none, or it is incomplete.
    """
    if (folder / DESCRIPTION).exists() or not folder.is_dir():
        if folder == MODELS:
            raise UserError(f"{folder}: no trained face here; run `dvc repro`, or name an exported face with --face")
        return Named(folder, read_description(folder))
    missing = [name for name in NETWORKS if not (folder / name).is_dir()]
    if missing:
        raise UserError(
            f"{folder}: the face is incomplete ({missing[0]}/ is missing); run `dvc repro`, or export it again"
        )
    return _trained(folder)


def _trained(folder: Path) -> Named:
    params = load_params(PARAMS)
    dataset = Dataset.load(DATASET)
    model = LandmarkCompletion.load(folder / "landmarks")
    recording, clip = _longest(dataset)

    def sound(recording: str, clip: str) -> np.ndarray:
        return read_wav(FRAMES / recording / "audio" / f"{clip}.wav")

    description = Description(
        format=FORMAT,
        name=params.recordings[0],
        version=VERSION,
        size=params.video.size,
        margin=params.frames.margin,
        smoothing=params.frames.smoothing,
        fps=params.video.fps,
        detector=params.detector,
        audio=params.audio,
        sampling=params.sampling,
        speaker=measure_speaker(dataset, model, sound, _place(recording)),
        weights=params.weights,
    )
    found = [path for path in list_videos(RAW / recording) if path.stem == clip] if (RAW / recording).is_dir() else []
    return Named(folder, description, found[0] if found else None, _scene(found[0], recording) if found else None)


def _longest(dataset: Dataset) -> tuple[str, str]:
    """Recording and clip with the most usable frames: the base footage."""
    usable = dataset.split != "invalid"
    counts = Counter(zip(dataset.recording[usable].tolist(), dataset.clip[usable].tolist(), strict=True))
    return max(counts, key=lambda key: (counts[key], key))


def _scene(footage: Path, recording: str) -> Scene | None:
    """The face in the base footage as the pipeline found it; None if the film's frames are not the pipeline's."""
    film = Footage(footage)
    geometry = _of_clip(FRAMES / recording / "geometry.parquet", footage.stem)
    landmarks = _of_clip(LANDMARKS / f"{recording}.parquet", footage.stem)
    fps = float(metadata(FRAMES / recording / "geometry.parquet")["fps"])
    stamps = film.index() if abs(film.fps - fps) < 1e-6 else np.zeros(0, np.int64)
    if not len(stamps) == len(geometry) == len(landmarks):
        return None
    valid = geometry.column("valid").to_numpy() & landmarks.column("valid").to_numpy()
    return Scene(tensor(geometry, "transform"), tensor(landmarks, "landmarks"), valid, stamps)


def _of_clip(path: Path, clip: str) -> pa.Table:
    return read_table(path).filter(pc.field("clip") == clip)


def _place(recording: str) -> tuple[float, float, float]:
    data = read_table(
        FRAMES / recording / "geometry.parquet", ["transform", "region", "source_width", "source_height", "valid"]
    )
    data = data.filter(pc.field("valid"))
    transform, region = tensor(data, "transform"), tensor(data, "region").astype(float)
    scale, box = transform[:, 0], upright_boxes(region)
    centre = (region[:, :2] - transform[:, [2, 5]]) / scale[:, None]
    width, height = data.column("source_width").to_numpy(), data.column("source_height").to_numpy()
    side = (box[:, 2] - box[:, 0]) / scale
    return tuple(float(np.median(values)) for values in (centre[:, 0] / width, centre[:, 1] / height, side / width))  # type: ignore[return-value]
