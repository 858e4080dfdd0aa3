"""The footage that a face speaks in by default: which clip of the recordings it is, and where the face is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difftalker.dataset.frames import Dataset
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace
from difftalker.errors import UserError
from difftalker.face.mediapipe.region import upright_boxes
from difftalker.media.probe import list_videos
from difftalker.tables import read_table, table_metadata, tensor_column


def choose_base_clip(dataset: Dataset) -> tuple[str, str]:
    """Recording and clip with the most usable frames."""
    usable = dataset.split != "invalid"
    counts = Counter(zip(dataset.recording[usable].tolist(), dataset.clip[usable].tolist(), strict=True))
    return max(counts, key=lambda key: (counts[key], key))


def find_clip(recording: Path, clip: str) -> Path:
    """The file of a clip in a recording's folder.

    Raises:
        UserError: it is gone.
    """
    found = [path for path in list_videos(recording) if path.stem == clip]
    if not found:
        raise UserError(f"{recording}: the clip {clip} is gone; put it back, or run `dvc repro` to do without it")
    return found[0]


def usual_face_position(geometry: Path) -> tuple[float, float, float]:
    """Where the face usually is in the pictures of a recording, see `Speaker.face_position`.

    Args:
        geometry: the recording's crop geometry, a table `tables.GEOMETRY_SCHEMA`.
    """
    data = read_table(geometry, ["transform", "region", "source_width", "source_height", "valid"])
    data = data.filter(pc.field("valid"))
    transform, region = tensor_column(data, "transform"), tensor_column(data, "region").astype(float)
    scale, box = transform[:, 0], upright_boxes(region)
    centre = (region[:, :2] - transform[:, [2, 5]]) / scale[:, None]
    width, height = data.column("source_width").to_numpy(), data.column("source_height").to_numpy()
    side = (box[:, 2] - box[:, 0]) / scale
    x, y, size = (float(np.median(values)) for values in (centre[:, 0] / width, centre[:, 1] / height, side / width))
    return x, y, size


def extracted_face(footage: Footage, geometry: Path, landmarks: Path) -> FootageFace | None:
    """The face in a clip as it was extracted for the training.

    Args:
        footage: the clip's file.
        geometry, landmarks: tables of its recording, `tables.GEOMETRY_SCHEMA` and `tables.LANDMARKS_SCHEMA`.

    Returns:
        None if the extracted frames are not the file's own pictures, since it has another rate or a variable one.
    """
    places, points = (_of_clip(path, footage.path.stem) for path in (geometry, landmarks))
    same_rate = abs(footage.fps - float(table_metadata(geometry)["fps"])) < 1e-6
    stamps = footage.index() if same_rate else np.zeros(0, np.int64)
    if not len(stamps) == len(places) == len(points):
        return None
    valid = places.column("valid").to_numpy() & points.column("valid").to_numpy()
    return FootageFace.of_speaker(tensor_column(places, "transform"), tensor_column(points, "landmarks"), valid, stamps)


def _of_clip(path: Path, clip: str) -> pa.Table:
    return read_table(path).filter(pc.field("clip") == clip)
