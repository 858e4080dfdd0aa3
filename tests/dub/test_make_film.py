"""What every film keeps: number of frames, pixels outside of the mask, sound, bytes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from difftalker.dub.settings import DubSettings
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.talking_face import TalkingFace
from tests.dub.tiny_face import SIZE, Tiny, pictures
from tests.footage import write_footage
from tests.provenance.unsigned import unsigned

Speech = Callable[..., Path]


def planes(path: Path) -> list[list[np.ndarray]]:
    """Y, U and V of every picture of a 4:4:4 or 4:2:0 file."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            lines = [
                np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes
            ]
            found.append([line.copy() for line in lines])
    return found


def sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


@pytest.mark.parametrize(("rate", "seconds"), [(25, 1.03), (Fraction(30000, 1001), 0.5), (50, 0.71), (12, 2.0)])
def test_frames_are_duration_times_rate(
    tiny: Tiny, speech: Speech, tmp_path: Path, rate: Fraction | int, seconds: float
) -> None:
    film = write_footage(tmp_path / "base.mp4", pictures(), float(rate))
    report = tiny.load(film).dub(speech(seconds), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        count = sum(1 for _ in container.decode(video=0))
        stream = container.streams.video[0]
        assert stream.average_rate == rate and (stream.width, stream.height) == (280, 280)
    assert count == report.frames == int(seconds * float(rate) + 0.5)


@pytest.fixture(scope="module")
def lossless(face: TalkingFace, speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lossless") / "out.mkv"
    face.dub(speech(1.0), path, settings=DubSettings("lossless", segment=10))
    return path


def test_pixels_outside_the_mask_are_the_source_s(
    tiny: Tiny, face: TalkingFace, speech: Speech, lossless: Path
) -> None:
    source, made = planes(tiny.footage), planes(lossless)
    with face.planned(speech(1.0)) as plan:
        landmarks = plan.landmarks(0, plan.frames)
    for index in range(len(made)):
        mask = jaw_mask(tiny.footage_face.landmarks[[index]], SIZE, landmarks[[index]])[0]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        weight = cv2.warpAffine(mask, tiny.footage_face.transforms[index].reshape(2, 3), (280, 280), flags=flags)
        outside = weight == 0
        assert outside.mean() > 0.5
        for before, after in zip(source[index], made[index], strict=True):
            assert np.array_equal(before[outside], after[outside])
        assert (source[index][0] != made[index][0]).mean() > 0.05


def test_sound_is_the_input_s(speech: Speech, lossless: Path, face: TalkingFace, tmp_path: Path) -> None:
    samples = sound(speech(1.0))
    assert np.array_equal(sound(lossless), samples)
    face.dub(speech(1.0), tmp_path / "out.mp4")
    assert np.array_equal(sound(tmp_path / "out.mp4"), samples)  # FLAC: players of MP4 know no PCM


def test_compressed_sound_is_copied(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    coded = tmp_path / "speech.m4a"
    with av.open(str(coded), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound(speech(1.0)).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]

    face.dub(coded, tmp_path / "out.mp4")
    assert packets(tmp_path / "out.mp4") == packets(coded)
    assert np.array_equal(sound(tmp_path / "out.mp4"), sound(coded))


def test_the_same_command_gives_the_same_bytes(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    for suffix, settings in ((".mp4", DubSettings(segment=8)), (".mkv", DubSettings("lossless"))):
        first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
        face.dub(speech(0.6), first, settings=settings)
        face.dub(speech(0.6), second, settings=settings)
        assert unsigned(first) == unsigned(second) and len(first.read_bytes()) == len(second.read_bytes())


def test_segments_and_batches_do_not_show(face: TalkingFace, speech: Speech, lossless: Path, tmp_path: Path) -> None:
    expected = planes(lossless)  # segments of 10 frames, batches of 8
    for segment, batch in ((7, 8), (240, 8), (240, 3)):
        path = tmp_path / f"{segment}_{batch}.mkv"
        face.dub(speech(1.0), path, settings=DubSettings("lossless", segment=segment, batch_size=batch))
        found = planes(path)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            # Other batches round the networks' sums otherwise, by processor: a step or two of 255 here and there.
            difference = [np.abs(a.astype(int) - b) for a, b in zip(one, other, strict=True)]
            assert max(d.max() for d in difference) <= 2
            assert np.mean([d.mean() for d in difference]) < 0.002


def test_it_says_that_it_is_synthetic(face: TalkingFace, lossless: Path, speech: Speech, tmp_path: Path) -> None:
    face.dub(speech(0.2), tmp_path / "out.mp4")
    for path in (lossless, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            said = {key.lower(): value for key, value in container.metadata.items()}
        assert "synthetic" in said["comment"].lower() and f"sha256:{face.hash}" in said["comment"]


def test_label_is_burnt_in_below(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    plain, labelled = tmp_path / "plain.mkv", tmp_path / "labelled.mkv"
    face.dub(speech(0.2), plain, settings=DubSettings("lossless"))
    face.dub(speech(0.2), labelled, settings=DubSettings("lossless", label=True))
    for one, other in zip(planes(plain), planes(labelled), strict=True):
        changed = np.argwhere(one[0] != other[0])
        assert len(changed) > 100
        assert changed[:, 0].min() > 0.8 * 280 and changed[:, 1].max() < 0.6 * 280
