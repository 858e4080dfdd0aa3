"""The chain from footage to tables on real clips (GRID corpus), where they are at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from difftalker.audio.feature_table import audio_table
from difftalker.audio.whisper.encoder import WhisperEncoder
from difftalker.config import load_params
from difftalker.face.extract_frames import extract_recording
from difftalker.face.landmark_table import landmark_table
from difftalker.face.topology import MOUTH, RIGID
from difftalker.tables import read_table, tensor_column

ROOT = Path(__file__).parents[2]
CLIPS = ROOT.parent / "shared" / "grid_s1" / "clips"


@pytest.mark.skipif(not CLIPS.is_dir(), reason=f"no GRID clips in {CLIPS}")
def test_a_grid_clip(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    (tmp_path / "raw").mkdir()
    shutil.copy(CLIPS / "bbaf2n.mpg", tmp_path / "raw")
    (clip,) = extract_recording(tmp_path / "raw", tmp_path / "out", params.video, params.frames, workers=1)
    assert (clip.frames, clip.valid_frames, clip.warnings) == (75, 75, [])
    table = landmark_table(tmp_path / "out", params.detector)
    points = tensor_column(table, "landmarks")
    assert table.column("valid").to_numpy().all()
    second = np.abs(np.diff(points, 2, axis=0))
    assert second[:, RIGID].mean() < 0.0015  # the detector's noise; the mouth's own motion is larger
    assert second[:, MOUTH].mean() > second[:, RIGID].mean()
    opening = points[:, 66, 1] - points[:, 62, 1]
    assert opening.min() < 0.01 < 0.03 < opening.max()  # it closes and opens
    features = tensor_column(audio_table(tmp_path / "out", WhisperEncoder(), "whisper", 25.0), "features")
    assert features.shape == (75, 16, 29) and features.std() > 0.1
    geometry = read_table(tmp_path / "out" / "geometry.parquet")
    assert geometry.select(["clip", "frame", "time"]).equals(
        table.select(["clip", "frame", "time"]).replace_schema_metadata(geometry.schema.metadata)
    )
