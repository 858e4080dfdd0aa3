"""Landmarks over time as a table that can be looked at, changed and painted from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from difftalker.drive.plan import Plan
from difftalker.errors import UserError
from difftalker.tables import LANDMARKS_TYPE, read_table, table, tensor

_BATCH = 1024  # frames

# One row per frame of the film; `picture` counts the pictures of the base footage, landmarks are over the crop size.
DRIVEN = pa.schema(
    [
        ("frame", pa.int32()),
        ("time", pa.float64()),
        ("picture", pa.int32()),
        ("landmarks", LANDMARKS_TYPE),
        ("source", LANDMARKS_TYPE),
        ("painted", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Driven:
    """Landmarks to paint from.

    Attributes:
        points: (n, 68, 2) float32.
        fps: frames per second.
        name: what to call the table in errors.
        hash: SHA-256 of the points.
    """

    points: np.ndarray
    fps: float
    name: str
    hash: str

    def landmarks(self, frames: int, fps: float) -> np.ndarray:
        """The points, (frames, 68, 2).

        Raises:
            UserError: the table is of another film.
        """
        if len(self.points) != frames or abs(self.fps - fps) > 1e-6:
            raise UserError(
                f"{self.name}: {len(self.points)} frames at {self.fps:g} frames/s, this film has {frames} at {fps:g}; "
                "make the landmarks with the same sound and base video"
            )
        return self.points


def driven_table(plan: Plan) -> pa.Table:
    """All landmarks of a plan: schema DRIVEN, with the frame rate in the schema metadata."""
    frames = np.arange(plan.frames)
    points = [plan.landmarks(at, min(at + _BATCH, plan.frames)) for at in range(0, plan.frames, _BATCH)]
    columns = {
        "frame": frames,
        "time": frames / plan.footage.fps,
        "picture": plan.order,
        "landmarks": np.concatenate(points),
        "source": plan.scene.landmarks[plan.order],
        "painted": plan.shown[plan.order] > 0,
    }
    return table(DRIVEN, columns).replace_schema_metadata({"fps": repr(plan.footage.fps)})


def read_driven(source: pa.Table | str | Path) -> Driven:
    """Read a table of `driven_table`, edited or not; only the columns `frame` and `landmarks` are used.

    Raises:
        UserError: it is missing, no such table, or holds points that are no numbers.
    """
    name = "the landmark table" if isinstance(source, pa.Table) else str(source)
    data = source if isinstance(source, pa.Table) else read_table(source)
    try:
        points = tensor(data, "landmarks").astype(np.float32)
        fps = float((data.schema.metadata or {})[b"fps"])
    except (KeyError, ValueError, AttributeError):
        raise UserError(f"{name}: not a table of `difftalker landmarks`; make it again") from None
    if points.shape[1:] != (68, 2) or not np.isfinite(points).all():
        row = int(np.argmin(np.isfinite(points).all(axis=tuple(range(1, points.ndim))))) if points.ndim > 1 else 0
        raise UserError(f"{name}: row {row}: landmarks must be 68 pairs of finite numbers; correct the row")
    return Driven(points, fps, name, hashlib.sha256(points.tobytes()).hexdigest())
