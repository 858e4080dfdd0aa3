from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.config import FramesConfig, VideoConfig
from difftalker.errors import UserError
from difftalker.face.crop import cut_crop
from difftalker.face.extract_frames import extract_recording
from difftalker.face.shots import shots_of_transforms
from difftalker.media.decode import decode_frames
from difftalker.media.wav import read_wav
from difftalker.tables import iterate_images, read_table, table_metadata, tensor_column
from tests.footage import empty_room, noise, portrait, write_footage

VIDEO = VideoConfig(fps=25.0, size=64)
FRAMES = FramesConfig(codec="png", crop_scale=1.7, smoothing_seconds=0.4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"


def extract(folder: Path, frames: FramesConfig = FRAMES) -> list:
    return extract_recording(folder, folder.parent / "out", VIDEO, frames, workers=1)


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        extract(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_writes_rows_sound_and_a_description_for_every_clip(folder: Path) -> None:
    write_footage(folder / "b.mp4", [portrait()] * 10, 25.0, noise(0.4, 44_100), 44_100)
    write_footage(folder / "a.mkv", [portrait()] * 12, 25.0, noise(0.48))
    (folder / "notes.txt").write_text("x")
    clips = extract(folder)
    out = folder.parent / "out"
    geometry = read_table(out / "geometry.parquet")
    assert geometry.column("clip").to_pylist() == ["a"] * 12 + ["b"] * 10
    assert geometry.column("frame").to_pylist() == [*range(12), *range(10)]
    np.testing.assert_allclose(geometry.column("time").to_numpy()[12:], np.arange(10) / 25)
    assert set(geometry.column("source_width").to_pylist()) == {280}
    assert geometry.column("valid").to_numpy().all()
    crops = read_table(out / "crops.parquet", ["clip", "frame", "time"])
    assert crops.equals(geometry.select(["clip", "frame", "time"]).replace_schema_metadata(crops.schema.metadata))
    assert table_metadata(out / "crops.parquet") == {"fps": "25.0", "size": "64", "codec": "png", "crop_scale": "1.7"}
    assert len(read_wav(out / "audio" / "a.wav")) == 12 * 640
    assert len(read_wav(out / "audio" / "b.wav")) == 10 * 640
    written = json.loads((out / "clips.json").read_text())
    assert [clip["clip"] for clip in written] == ["a", "b"] == [clip.clip for clip in clips]
    assert (written[1]["file"], written[1]["frames"], written[1]["warnings"]) == ("b.mp4", 10, [])

    transforms = tensor_column(geometry, "transform")
    assert len(np.unique(transforms[:12, 0])) == len(np.unique(transforms[12:, 0])) == 1  # one scale for every shot
    images = list(iterate_images(out / "crops.parquet"))
    source = list(decode_frames(folder / "b.mp4", 25.0))
    np.testing.assert_array_equal(images[15], cut_crop(source[3], transforms[15], 64))
    region = tensor_column(geometry, "region")
    assert (np.abs(region[:, :2] - 32) < 10).all() and (region[:, 2] > 50).all() and (np.abs(region[:, 3]) < 0.2).all()


def test_no_face(folder: Path) -> None:
    write_footage(folder / "wall.mp4", [empty_room()] * 6, 25.0, noise(0.24))
    message = refusal(folder)
    assert str(folder / "wall.mp4") in message and "no face" in message and "6 frames" in message


def test_a_face_for_only_part(folder: Path) -> None:
    write_footage(folder / "a.mp4", [portrait()] * 25 + [empty_room()] * 15, 25.0, noise(1.6))
    (clip,) = extract(folder)
    valid = read_table(folder.parent / "out" / "geometry.parquet").column("valid").to_numpy()
    assert len(valid) == 40 and valid[:25].all() and not valid[25:].any()
    assert clip.valid_frames == 25
    assert "no face in 15 of 40 frames (1.00-1.60 s)" in clip.warnings[0]


def test_every_shot_has_a_scale_of_its_own(folder: Path) -> None:
    matrix = cv2.getRotationMatrix2D((140, 90), 0, 1.15)
    closer = cv2.warpAffine(portrait(), matrix, (280, 280), borderMode=cv2.BORDER_REFLECT)
    write_footage(folder / "a.mp4", [portrait()] * 15 + [closer] * 10, 25.0, noise(1.0))
    (clip,) = extract(folder)
    scale = tensor_column(read_table(folder.parent / "out" / "geometry.parquet"), "transform")[:, 0]
    assert clip.valid_frames == 25 and len(np.unique(scale[:15])) == len(np.unique(scale[15:])) == 1
    assert scale[0] / scale[-1] == pytest.approx(1.15, rel=0.02)
    assert shots_of_transforms(tensor_column(read_table(folder.parent / "out" / "geometry.parquet"), "transform"))[
        14:16
    ].tolist() == [
        0,
        1,
    ]


def test_several_faces_warn(folder: Path) -> None:
    small = np.full_like(portrait(), 128)
    small[:210, :210] = cv2.resize(portrait(), (210, 210))
    write_footage(folder / "a.mp4", [np.concatenate([small, portrait()], axis=1)] * 5, 25.0, noise(0.2))
    (clip,) = extract(folder)
    assert "several faces in 5 frames" in clip.warnings[0]
    transform = tensor_column(read_table(folder.parent / "out" / "geometry.parquet"), "transform")[0]
    assert (31.5 - transform[2]) / transform[0] > 280  # the middle of the crop is in the right picture


def test_a_mouth_near_the_edge_is_left_out(folder: Path) -> None:
    low = np.concatenate([np.full((140, 280, 3), 128, np.uint8), portrait()])[:280]  # the chin is cut off
    write_footage(folder / "a.mp4", [portrait()] * 10 + [low] * 2, 25.0, noise(0.48))
    (clip,) = extract(folder, replace(FRAMES, smoothing_seconds=0.0))
    assert clip.valid_frames == 10 and "2 of 12 frames (0.40-0.48 s)" in clip.warnings[0]


@pytest.mark.parametrize("quiet", [np.zeros(6_400, np.int16), np.full(6_400, 3, np.int16)])
def test_silent_sound(folder: Path, quiet: np.ndarray) -> None:
    write_footage(folder / "mute.mkv", [portrait()] * 10, 25.0, quiet)
    message = refusal(folder)
    assert str(folder / "mute.mkv") in message and "silent" in message and "0.40 s" in message


def test_no_sound(folder: Path) -> None:
    write_footage(folder / "mute.mp4", [portrait()] * 3)
    assert "mute.mp4" in refusal(folder)


def test_sound_for_only_part_is_told(folder: Path) -> None:
    write_footage(folder / "a.mkv", [portrait()] * 30, 25.0, noise(0.4), sound_start=0.2)
    (clip,) = extract(folder)
    assert clip.warnings == ["sound only from 0.20 s to 0.60 s of 1.20 s; elsewhere silence"]


def test_a_bad_file_among_good_ones_is_named(folder: Path) -> None:
    write_footage(folder / "a.mp4", [portrait()] * 3, 25.0, noise(0.12))
    (folder / "b.mp4").write_bytes(b"no video")
    assert str(folder / "b.mp4") in refusal(folder)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotated_footage_gives_upright_faces(folder: Path, rotation: int) -> None:
    stored = np.rot90(portrait(), -rotation // 90)
    write_footage(folder / "a.mp4", [stored] * 4, 25.0, noise(0.16), rotation=rotation)
    (clip,) = extract(folder)
    assert clip.valid_frames == 4


def test_odd_sizes_29_97_and_8_khz_stereo(folder: Path) -> None:
    sound = np.stack([noise(0.8, 8_000)] * 2, axis=1)
    write_footage(folder / "a.mkv", [portrait()[:279, :277]] * 24, 30000 / 1001, sound, 8_000)
    (clip,) = extract(folder)
    assert clip.frames == 20 == clip.valid_frames  # 24 / 29.97 s
    assert (clip.width, clip.height) == (277, 279)
    sound = read_wav(folder.parent / "out" / "audio" / "a.wav")
    assert len(sound) == 20 * 640 and np.abs(sound[200:-200]).max() > 4000


def test_variable_rate_has_no_drift(folder: Path) -> None:
    times = [0.0, 0.04, 0.08, 0.24, 0.28, 0.44, 0.48]
    write_footage(folder / "a.mkv", [portrait()] * 7, times, noise(0.52))
    (clip,) = extract(folder)
    assert clip.variable_fps and clip.frames == 13


def test_the_same_footage_gives_the_same_bytes(folder: Path) -> None:
    write_footage(folder / "a.mp4", [portrait()] * 6, 25.0, noise(0.24))
    contents = []
    for _ in range(2):
        extract(folder)
        contents.append([p.read_bytes() for p in sorted((folder.parent / "out").rglob("*")) if p.is_file()])
    assert contents[0] == contents[1]


def test_memory_does_not_grow_with_the_length(folder: Path) -> None:
    peaks = []
    for count in (150, 300):
        path = write_footage(folder / f"{count}.mkv", [portrait()[::4, ::4]] * count)
        tracemalloc.start()
        for _ in decode_frames(path, 25.0):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
