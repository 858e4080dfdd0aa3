"""The audio-feature table of one recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from difftalker.audio.encoder import AudioEncoder
from difftalker.errors import UserError
from difftalker.media.wav import AUDIO_RATE, read_wav
from difftalker.tables import AUDIO_SCHEMA, make_table, read_table


def audio_table(frames: str | Path, encoder: AudioEncoder, name: str, fps: float) -> pa.Table:
    """Encode the sound of an extracted recording.

    Args:
        frames: folder with `geometry.parquet` and `audio/<clip>.wav`.
        encoder: gives the features.
        name: the encoder's name, for the schema metadata.
        fps: video frames per second.

    Returns:
        Schema AUDIO, the rows of the geometry table; schema metadata: fps, encoder.

    Raises:
        UserError: an input is missing, or a clip's sound is not as long as its pictures.
    """
    frames = Path(frames)
    key = read_table(frames / "geometry.parquet", ["clip", "frame", "time"])
    features = []
    for clip in pc.unique(key.column("clip")).to_pylist():
        count = pc.sum(pc.equal(key.column("clip"), clip)).as_py()
        path = frames / "audio" / f"{clip}.wav"
        samples = read_wav(path)
        if len(samples) != round(count / fps * AUDIO_RATE):
            raise UserError(
                f"{path}: {len(samples) / AUDIO_RATE:.2f} s of sound for {count / fps:.2f} s of pictures; "
                "run `dvc repro` to extract both again"
            )
        features.append(encoder.encode(samples, count, fps))
    columns = {name: key.column(name) for name in key.column_names} | {"features": np.concatenate(features)}
    return make_table(AUDIO_SCHEMA, columns).replace_schema_metadata({"fps": repr(fps), "encoder": name})
