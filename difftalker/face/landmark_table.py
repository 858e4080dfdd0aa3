"""The landmark table of one recording: detection, gaps, smoothing, validity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from difftalker.config import DetectorConfig
from difftalker.errors import UserError
from difftalker.face.crop import mouth_in_lower_half
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.shots import shot_slices, shots_of_transforms
from difftalker.face.smoothing import fill_gaps, smooth_track
from difftalker.tables import LANDMARKS_SCHEMA, iterate_images, make_table, read_table, table_metadata, tensor_column

MIN_SCORE = 0.2  # below it, the detection counts as missing


def landmark_table(
    frames: str | Path, config: DetectorConfig, device: str = "auto", pin: str | None = None
) -> pa.Table:
    """Detect the landmarks of an extracted recording.

    Args:
        frames: folder with `crops.parquet` and `geometry.parquet`.
        config: the group `detector` of the parameters.
        device: where the detector runs.
        pin: the hash of FAN's weights (`weights.fan2d`); None takes the published one.

    Returns:
        Schema LANDMARKS, the rows of the geometry table; schema metadata: the detector's settings. A row is valid if
        the face was found there, or in a gap of at most `max_gap` frames (`interpolated`), and if the mouth lies wholly
        in the lower half of the crop.

    Raises:
        UserError: an input is missing, or no frame is valid.
    """
    frames = Path(frames)
    geometry = read_table(frames / "geometry.parquet")
    regions = tensor_column(geometry, "region")
    with tqdm(total=len(regions), desc="detect landmarks", unit="frame", mininterval=1.0) as bar:
        images = iterate_images(frames / "crops.parquet")
        points, scores = detect_landmarks(images, regions, config, device, pin, progress=bar)
    usable, transforms = geometry.column("valid").to_numpy(), tensor_column(geometry, "transform")
    seen = usable & (scores >= MIN_SCORE)
    clips = geometry.column("clip").to_numpy()
    valid = np.zeros(len(seen), bool)
    interpolated = np.zeros(len(seen), bool)
    for clip in dict.fromkeys(clips):
        rows = np.flatnonzero(clips == clip)
        for part in shot_slices(shots_of_transforms(transforms[rows])):
            shot = rows[part]
            points[shot], valid[shot], interpolated[shot] = clean_shot(points[shot], seen[shot], config)
    if not valid.any():
        raise UserError(
            f"{frames}: no frame has usable landmarks; `clips.json` there says why frames were left out; "
            "use footage with one frontal face"
        )
    columns = {
        "clip": clips,
        "frame": geometry.column("frame"),
        "time": geometry.column("time"),
        "landmarks": points,
        "score": scores,
        "valid": valid,
        "interpolated": interpolated,
    }
    settings = {
        "detector": config.name,
        "smoothing_frames": repr(config.smoothing_frames),
        "max_gap": str(config.max_gap),
    }
    settings |= {
        key: value for key, value in table_metadata(frames / "geometry.parquet").items() if key in ("fps", "size")
    }
    return make_table(LANDMARKS_SCHEMA, columns).replace_schema_metadata(settings)


def clean_shot(
    points: np.ndarray, seen: np.ndarray, config: DetectorConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fill, smooth and judge the detections of one shot.

    Args:
        points: (n, 68, 2), normalised, as detected.
        seen: (n,) bool, which rows are detections to trust.
        config: its `max_gap` and `smoothing_frames` are used.

    Returns:
        points (n, 68, 2), valid (n,) and interpolated (n,) bool.
    """
    filled, interpolated = fill_gaps(points, seen, config.max_gap)
    smoothed = smooth_track(filled, seen | interpolated, config.smoothing_frames)
    # A mouth that was seen elsewhere is not guessed to be in place: the detections must agree with what was filled in.
    valid = (seen | interpolated) & mouth_in_lower_half(points, 1.0) & mouth_in_lower_half(smoothed, 1.0)
    return smoothed, valid, interpolated & valid
