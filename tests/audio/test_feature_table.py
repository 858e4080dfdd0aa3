from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difftalker.audio.encoder import AudioEncoder, SoundSource
from difftalker.audio.feature_table import audio_table
from difftalker.audio.feature_windows import RowReader
from difftalker.errors import UserError
from difftalker.media.wav import write_wav
from difftalker.tables import GEOMETRY_SCHEMA, TableWriter, table_metadata, tensor_column, write_table


class Loudness(AudioEncoder):
    """Every row holds the first sample of its 20 ms; beyond the ends there is -1."""

    def listen(self, sound: SoundSource) -> RowReader:
        first = np.pad(sound.mapped()[::320].astype(np.float32), 50, constant_values=-1)
        return lambda begin, end: np.repeat(first[begin + 50 : end + 50, None], 29, axis=1)


def extracted(folder: Path, clips: dict[str, int]) -> Path:
    (folder / "audio").mkdir()
    rng = np.random.default_rng(0)
    with TableWriter(folder / "geometry.parquet", GEOMETRY_SCHEMA) as writer:
        for clip, count in clips.items():
            write_wav(folder / "audio" / f"{clip}.wav", [rng.integers(-5000, 5000, count * 640).astype(np.int16)])
            for frame in range(count):
                writer.write(
                    clip=clip,
                    frame=frame,
                    time=frame / 25,
                    transform=np.eye(2, 3).reshape(-1),
                    source_width=10,
                    source_height=10,
                    region=np.zeros(4, np.float32),
                    valid=True,
                )
    return folder


def test_rows_are_those_of_the_geometry(tmp_path: Path) -> None:
    folder = extracted(tmp_path, {"a": 10, "b": 7})
    table = audio_table(folder, Loudness(), "loudness", 25.0)
    assert table.column("clip").to_pylist() == ["a"] * 10 + ["b"] * 7
    assert table.column("frame").to_pylist() == [*range(10), *range(7)]
    features = tensor_column(table, "features")
    assert features.shape == (17, 16, 29) and features.dtype == np.float32
    assert (features[10, :8] == -1).all()  # clips do not run into each other
    write_table(tmp_path / "audio.parquet", table)
    assert table_metadata(tmp_path / "audio.parquet") == {"fps": "25.0", "encoder": "loudness"}


def test_sound_of_another_length_is_refused(tmp_path: Path) -> None:
    folder = extracted(tmp_path, {"a": 10})
    write_wav(folder / "audio" / "a.wav", [np.zeros(5000, np.int16)])
    with pytest.raises(UserError, match=r"a\.wav: 0\.31 s of sound for 0\.40 s"):
        audio_table(folder, Loudness(), "loudness", 25.0)
