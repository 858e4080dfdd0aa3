"""Everything that may be given to `dub` and cannot be used as it is: a correct film, or one line and no file."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from difftalker import TalkingFace
from difftalker.cli.driving import progress_bars
from difftalker.completion.head_frame import HeadFrame
from difftalker.dub.settings import DubReport, DubSettings
from difftalker.dub.sound import spool_sound
from difftalker.errors import UserError
from difftalker.face.topology import MOUTH
from difftalker.media.wav import AUDIO_RATE, write_wav
from difftalker.provenance.reading import read_credentials
from tests.disk import largest_file
from tests.dub.tiny_face import tiny_face
from tests.footage import empty_room, noise, portrait, write_footage
from tests.provenance.unsigned import unsigned

_LONG = 400  # seconds; memory is measured against the length, so an hour would show no more

LOSSLESS = DubSettings(codec="lossless")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bad")
    tiny_face(path / "face")
    write_footage(path / "base.mp4", [portrait()] * 8)
    write_wav(path / "speech.wav", [noise(0.4)])
    return path


@pytest.fixture(scope="module")
def face(folder: Path) -> TalkingFace:
    return TalkingFace.load(folder / "face")


@pytest.fixture
def dub(face: TalkingFace, folder: Path, tmp_path: Path) -> Callable[..., tuple[DubReport, Path]]:
    def make(audio: Path | None = None, video: Path | None = None, suffix: str = ".mp4", **more: Any) -> Any:
        output = tmp_path / f"out{suffix}"
        report = face.dub(audio or folder / "speech.wav", output, video or folder / "base.mp4", **more)
        return report, output

    return make


def pictures(path: Path, pixels: str = "rgb24") -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixels) for frame in container.decode(video=0)]


def assert_refused(make: Callable[[], object], where: Path, message: str) -> None:
    """One line that says so, and neither a film nor parts of one."""
    before = set(where.iterdir())
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert set(where.iterdir()) == before


# --- sound ---


def empty(path: Path) -> None:
    path.touch()


def garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(5000))


def header_only(path: Path) -> None:
    write_wav(path, [])


def too_short(path: Path) -> None:
    write_wav(path, [noise(0.01)])


def missing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (empty, "a.wav: the file is empty"),
        (garbage, "a.wav: not a readable sound file"),
        (header_only, "a.wav: "),
        (too_short, "a.wav: .*too short"),
        (missing, "a.wav: no such"),
    ],
)
def test_sound_without_speech_is_refused(dub: Any, tmp_path: Path, write: Callable, message: str) -> None:
    write(tmp_path / "a.wav")
    assert_refused(lambda: dub(tmp_path / "a.wav"), tmp_path, message)


def test_a_video_without_sound_is_no_speech(dub: Any, folder: Path, tmp_path: Path) -> None:
    assert_refused(lambda: dub(folder / "base.mp4"), tmp_path, "base.mp4: holds no sound")


def test_sound_damaged_halfway_is_refused(dub: Any, tmp_path: Path) -> None:
    write_footage(tmp_path / "whole.mkv", [portrait()] * 25, sound=noise(1.0))
    data = bytearray((tmp_path / "whole.mkv").read_bytes())
    (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
    before = set(tmp_path.iterdir())
    try:
        report, output = dub(tmp_path / "a.mkv")
    except UserError as error:
        assert "a.mkv" in str(error) and set(tmp_path.iterdir()) == before
    else:  # Matroska tells no length: what is there is used
        assert len(pictures(output)) == report.frames < 25


def test_silence_gives_a_mouth_at_rest(dub: Any, face: TalkingFace, folder: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "silent.wav", [np.zeros(16_000, np.int16)])
    report, output = dub(tmp_path / "silent.wav")
    assert report.frames == len(pictures(output)) == 25 and report.unpainted == []
    with face.planned(tmp_path / "silent.wav", folder / "base.mp4") as plan:
        points = plan.landmarks(0, plan.frames)
        shape = plan.model.mean_shape.numpy()
    mouth = HeadFrame(points, shape).normalise(points[:, MOUTH])
    assert mouth.shape == (25, 20, 2)
    assert np.abs(mouth - np.array(face.description.speaker.closed_mouth)).max() < 1e-4


def test_clipped_sound_is_used(dub: Any, tmp_path: Path) -> None:
    square = np.sign(np.sin(np.arange(9600) * 0.2)) * 32767
    write_wav(tmp_path / "clipped.wav", [square.astype(np.int16)])
    report, output = dub(tmp_path / "clipped.wav")
    assert report.frames == len(pictures(output)) == 15


def test_long_sounds_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "hours.wav"
    write_wav(path, [])
    header = bytearray(path.read_bytes())
    size = 2 * AUDIO_RATE * _LONG
    header[4:8], header[40:44] = struct.pack("<I", 36 + size), struct.pack("<I", size)
    with path.open("wb") as file:  # silence that takes no room
        file.write(header)
        file.truncate(44 + size)
    tracemalloc.start()
    try:
        sound = spool_sound(path, tmp_path / "spool.wav")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sound.duration == _LONG and sound.is_silent and len(sound.power) == _LONG * 50
    assert peak < size / 8  # what grows: 8 bytes for every 20 ms
    assert not sound.read(AUDIO_RATE * _LONG // 2, AUDIO_RATE * _LONG // 2 + 10).any()


# --- base video ---


def test_no_face(dub: Any, tmp_path: Path) -> None:
    write_footage(tmp_path / "room.mp4", [empty_room()] * 5)
    assert_refused(lambda: dub(video=tmp_path / "room.mp4"), tmp_path, "room.mp4: no face found")


@pytest.mark.parametrize("write", [empty, garbage, missing])
def test_unreadable_base_video(dub: Any, tmp_path: Path, write: Callable) -> None:
    write(tmp_path / "base.mp4")
    assert_refused(lambda: dub(video=tmp_path / "base.mp4"), tmp_path, "base.mp4: ")


def test_shorter_than_the_sound(dub: Any, folder: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", [noise(1.0)])
    report, output = dub(tmp_path / "long.wav")
    assert report.frames == len(pictures(output)) == 25  # of 8 pictures


def test_another_person_is_told(dub: Any, tmp_path: Path) -> None:
    wide = np.ascontiguousarray(cv2.resize(portrait(), None, fx=1.35, fy=1.0)[:, 40:320])
    write_footage(tmp_path / "other.mp4", [wide] * 8)
    report, output = dub(video=tmp_path / "other.mp4")
    assert any("another person" in warning and "other.mp4" in warning for warning in report.warnings)
    assert len(pictures(output)) == report.frames


def test_the_same_person_is_not_warned_of(dub: Any) -> None:
    report, _ = dub()
    assert report.warnings == [] and report.unpainted == []


@pytest.mark.parametrize("turn", [90, -90, 180])
def test_rotation_metadata(dub: Any, tmp_path: Path, turn: int) -> None:
    upright = portrait()[:, 20:260]  # 240 wide, 280 high
    stored = np.ascontiguousarray(np.rot90(upright, -turn // 90))
    write_footage(tmp_path / "phone.mp4", [stored] * 8, rotation=turn)
    report, output = dub(video=tmp_path / "phone.mp4")
    shown = pictures(output)[0]
    with av.open(str(output)) as container:
        assert next(container.decode(video=0)).rotation == 0
    assert report.unpainted == [] and shown.shape == upright.shape
    assert np.abs(shown[:100].astype(int) - upright[:100]).mean() < 6  # the upper part, upright


def write_special(
    path: Path, codec: str, pixels: str, picture: np.ndarray, colour: tuple[int, int, int] | None = None
) -> None:
    """Eight pictures in a format of one's choice; colour: numbers of space, primaries and transfer."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], pixels
        if codec == "libx264":
            stream.options = {"crf": "4", "preset": "ultrafast"}
        if colour:
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc = colour
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba" if picture.shape[2] == 4 else "rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_ten_bits_stay_ten_bits(dub: Any, tmp_path: Path) -> None:
    write_special(tmp_path / "deep.mp4", "libx264", "yuv420p10le", portrait())
    report, output = dub(video=tmp_path / "deep.mp4")
    with av.open(str(output)) as container:
        assert container.streams.video[0].format.name == "yuv420p10le"
    assert report.unpainted == [] and len(pictures(output)) == 10


def test_hdr_keeps_its_colours(dub: Any, tmp_path: Path) -> None:
    hdr = (9, 9, 16)  # BT.2020, PQ
    write_special(tmp_path / "hdr.mp4", "libx264", "yuv420p10le", portrait(), hdr)
    report, output = dub(video=tmp_path / "hdr.mp4", suffix=".mkv", settings=LOSSLESS)
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0))
        assert (int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)) == hdr
        assert frame.format.name == "yuv420p10le"
        made = frame.to_ndarray()
    with av.open(str(tmp_path / "hdr.mp4")) as container:
        source = next(container.decode(video=0)).to_ndarray()
    assert report.unpainted == []
    assert np.array_equal(made[:90], source[:90])  # above the face every bit is the source's
    assert not np.array_equal(made, source)


@pytest.mark.parametrize(("suffix", "codec", "size"), [(".mp4", "h264", (278, 280)), (".mkv", "lossless", (277, 279))])
def test_odd_sizes(dub: Any, tmp_path: Path, suffix: str, codec: Any, size: tuple[int, int]) -> None:
    write_footage(tmp_path / "odd.mkv", [np.ascontiguousarray(portrait()[:277, :279])] * 8)
    report, output = dub(video=tmp_path / "odd.mkv", suffix=suffix, settings=DubSettings(codec=codec))
    assert report.unpainted == [] and pictures(output)[0].shape[:2] == size


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.mov", "qtrle", "argb"), ("a.mkv", "ffv1", "yuva420p")])
def test_an_alpha_channel_is_left_out(dub: Any, tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    alpha = np.full((280, 280, 1), 255, np.uint8)
    write_special(tmp_path / name, codec, pixels, np.concatenate([portrait(), alpha], axis=2))
    report, output = dub(video=tmp_path / name)
    assert any("alpha" in warning and name in warning for warning in report.warnings)
    assert report.unpainted == [] and np.abs(pictures(output)[0][:90].astype(int) - portrait()[:90]).mean() < 6


# --- the face ---


def remove(name: str) -> Callable[[Path], None]:
    def spoil(face: Path) -> None:
        shutil.rmtree(face / name) if (face / name).is_dir() else (face / name).unlink()

    return spoil


def newer(face: Path) -> None:
    data = json.loads((face / "face.json").read_text())
    (face / "face.json").write_text(json.dumps(data | {"format": data["format"] + 1, "version": "9.9"}))


def older(format: int) -> Callable[[Path], None]:
    """As formats 1 and 2 were, with keys that are called otherwise now."""

    def spoil(face: Path) -> None:
        data = json.loads((face / "face.json").read_text())
        data["speaker"]["strangeness"] = data["speaker"].pop("shape_deviation")
        if format == 1:
            data["margin"] = data.pop("crop_scale")
        (face / "face.json").write_text(json.dumps(data | {"format": format}))

    return spoil


def other_key(face: Path) -> None:
    data = json.loads((face / "face.json").read_text())
    (face / "face.json").write_text(json.dumps(data | {"hair": "brown"}))


def cut_weights(face: Path) -> None:
    path = face / "face/model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def no_json(face: Path) -> None:
    (face / "face.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("face.json"), "face.json is missing"),
        (remove("prior"), "incomplete .*prior"),
        (remove("landmarks"), "incomplete .*landmarks"),
        (remove("face"), "incomplete .*face"),
        (remove("face/model.safetensors"), "model.safetensors"),
        (remove("landmarks/config.json"), "config.json"),
        (cut_weights, "cannot be loaded"),
        (newer, "newer version .*9.9"),
        (older(1), r"older version .*format 1, not 3\); train the face anew with `dvc repro`"),
        (older(2), r"older version .*format 2, not 3\); train the face anew with `dvc repro`"),
        (other_key, "face.json: .*hair"),
        (no_json, "face.json: not readable"),
    ],
)
def test_unusable_faces(folder: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    shutil.copytree(folder / "face", tmp_path / "face")
    spoil(tmp_path / "face")
    with pytest.raises(UserError, match=message) as caught:
        TalkingFace.load(tmp_path / "face")
    assert "\n" not in str(caught.value) and str(tmp_path / "face") in str(caught.value)


# --- the output ---


def test_an_existing_output_stays(dub: Any, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    assert_refused(dub, tmp_path, "out.mp4: exists; .*--overwrite")
    assert (tmp_path / "out.mp4").read_text() == "precious"
    dub(overwrite=True)
    assert len(pictures(tmp_path / "out.mp4")) == 10


def test_a_failure_does_not_overwrite(dub: Any, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    write_footage(tmp_path / "room.mp4", [empty_room()] * 5)
    assert_refused(lambda: dub(video=tmp_path / "room.mp4", overwrite=True), tmp_path, "no face")
    assert (tmp_path / "out.mp4").read_text() == "precious"


@pytest.mark.parametrize("suffix", [".avi", ".gif", ""])
def test_other_containers_are_refused(dub: Any, tmp_path: Path, suffix: str) -> None:
    assert_refused(lambda: dub(suffix=suffix), tmp_path, "out")


@pytest.mark.parametrize("size", [100, 4_000, 14_000, 25_000])
def test_a_full_disk_is_one_line_and_work_goes_on(dub: Any, tmp_path: Path, size: int) -> None:
    """Where the first note, the spooled sound, the pictures or the film do not fit."""
    with largest_file(size), pytest.raises(UserError, match=r"out.mp4: .* is larger than .*--resume"):
        dub()
    assert not (tmp_path / "out.mp4").exists()
    if size < 14_000:  # no picture is painted yet
        assert list(tmp_path.iterdir()) == []
    _, output = dub(resume=True)
    again = unsigned(output)
    dub(overwrite=True)
    assert unsigned(output) == again


def test_a_full_disk_is_the_system_s_error_wherever_it_shows(face: TalkingFace, folder: Path, tmp_path: Path) -> None:
    with face.planned(folder / "speech.wav", folder / "base.mp4") as plan:
        with largest_file(1000), pytest.raises(OSError) as caught:
            plan.footage_face.save(tmp_path / "face_track.safetensors")
        assert caught.value.errno == errno.EFBIG and list(tmp_path.iterdir()) == []
    with largest_file(1000), pytest.raises(UserError, match=r"p.mp4: .* repeat the command$"):
        face.preview(folder / "speech.wav", tmp_path / "p.mp4", folder / "base.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["write_segment", "join_film"])
def test_no_space_left(dub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"difftalker.dub.make_film.{place}", fail)
    with pytest.raises(UserError, match=r"out.mp4: the disk is full; .*--resume") as caught:
        dub()
    assert "\n" not in str(caught.value) and not (tmp_path / "out.mp4").exists()


def test_names_that_are_no_utf8(dub: Any, tmp_path: Path) -> None:
    """As old archives leave them; the film's credentials can store no such name."""
    sound = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_wav(sound, [noise(0.4)])
    _, output = dub(sound)
    credentials = read_credentials(output)
    assert credentials and not credentials.problems
    assert {source.title for source in credentials.sources} == {"base.mp4", "caf\N{REPLACEMENT CHARACTER}.wav"}


def test_a_clock_that_goes_backwards_changes_nothing(dub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, expected = dub(suffix=".mkv")
    before = expected.read_bytes()
    now = itertools.count(time.time(), -7.0)
    monkeypatch.setattr("time.time", lambda: next(now))
    with progress_bars() as progress:
        _, again = dub(suffix=".mkv", overwrite=True, progress=progress)
    assert again.read_bytes() == before


def test_elsewhere_without_a_home_in_a_plain_locale(folder: Path, tmp_path: Path) -> None:
    """Another working directory, no HOME, a locale without UTF-8: the same film, or one line."""
    write_wav(tmp_path / "gruß.wav", [noise(0.4)])
    plain = {name: value for name, value in os.environ.items() if name not in ("HOME", "LANG", "XDG_CONFIG_HOME")}
    plain |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1"}
    plain["PYTHONPATH"] = str(Path(__file__).parents[2])
    words = ["dub", "--face", os.path.relpath(folder / "face", tmp_path), "--audio", "gruß.wav", "-o", "gruß.mp4"]
    words += ["--video", os.path.relpath(folder / "base.mp4", tmp_path)]
    command = [sys.executable, "-m", "difftalker.cli.main", *words]
    done = subprocess.run(command, cwd=tmp_path, env=plain, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gruß.mp4").exists()
    del plain["DIFFTALKER_CONFIG"]
    plain["HOME"] = os.devnull + "/none"
    done = subprocess.run([*command, "--overwrite"], cwd=tmp_path, env=plain, capture_output=True, text=True)
    assert done.returncode == 1 and "the signing key cannot be stored" in done.stderr.splitlines()[-1], done.stderr
