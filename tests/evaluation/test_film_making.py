"""Films that a tiny face is measured by: made by `dub`, read back, scored."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from difftalker.compute.device import seeded
from difftalker.dataset.frames import Dataset, RecordingTables, build_dataset
from difftalker.dub.footage import Footage
from difftalker.errors import UserError
from difftalker.evaluation.film_folder import FilmRecord, film_path, read_records, source_film_path
from difftalker.evaluation.film_making import FilmInputs, crop_surroundings, film_speech, make_films
from difftalker.evaluation.film_plan import FILM_KINDS, PlannedFilm, plan_films
from difftalker.evaluation.film_scoring import read_film_frames, score_films
from difftalker.evaluation.redetection import detect_at_once
from difftalker.face.landmark_detector import make_landmark_detector
from difftalker.media.decode import decode_audio, decode_frames
from difftalker.media.wav import AUDIO_RATE, read_wav, write_wav
from difftalker.sync.lse import SyncExpert
from difftalker.sync.network import SyncNet
from difftalker.tables import AUDIO_SCHEMA, CROPS_SCHEMA, GEOMETRY_SCHEMA, LANDMARKS_SCHEMA, make_table, write_table
from tests.dub.conftest import syllables
from tests.dub.tiny_face import DETECTOR, PICTURES, SIZE, Tiny, make_tiny

CLIPS = ("a", "b", "c")  # the last is the test split
BLIND = 7  # frame of the test clip without a usable face


@dataclass(frozen=True)
class Made:
    """Films in a folder, and what they were made of."""

    folder: Path
    records: list[FilmRecord]
    inputs: FilmInputs
    dataset: Dataset

    def planned(self, kind: str) -> PlannedFilm:
        return next(record.planned for record in self.records if record.planned.kind == kind)

    def film(self, kind: str) -> np.ndarray:
        return np.stack(list(decode_frames(film_path(self.folder, self.planned(kind)), 25.0)))

    def source(self, kind: str) -> np.ndarray:
        return np.stack(list(decode_frames(source_film_path(self.folder, self.planned(kind)), 25.0)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def made(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A recording of three clips with the tiny face's pictures, and all films of it."""
    root = tmp_path_factory.mktemp("films")
    raw, frames, detected = root / "raw", root / "frames", root / "landmarks"
    (raw / "anna").mkdir(parents=True)
    (frames / "anna/audio").mkdir(parents=True)
    detected.mkdir()
    for seed, clip in enumerate(CLIPS):
        shutil.copy(tiny.footage, raw / f"anna/{clip}.mp4")
        sound = syllables(PICTURES / 25, seed)
        sound[AUDIO_RATE : AUDIO_RATE + AUDIO_RATE // 2] = 0  # the second second begins with half a second of silence
        write_wav(frames / f"anna/audio/{clip}.wav", [sound])
    count = PICTURES * len(CLIPS)
    valid = np.tile(tiny.footage_face.valid, len(CLIPS))
    valid[2 * PICTURES + BLIND] = False
    frame = np.tile(np.arange(PICTURES), len(CLIPS))
    columns = {
        "clip": np.repeat(CLIPS, PICTURES),
        "frame": frame,
        "time": frame / 25,
        "transform": np.tile(tiny.footage_face.transforms, (len(CLIPS), 1)),
        "source_width": np.full(count, 280),
        "source_height": np.full(count, 280),
        "region": np.tile(np.array([0.5, 0.5, 1.1, 0.0]) * SIZE, (count, 1)),
        "valid": valid,
        "score": np.ones(count),
        "interpolated": np.zeros(count, bool),
        "landmarks": np.tile(tiny.footage_face.landmarks, (len(CLIPS), 1, 1)),
        "features": np.zeros((count, 16, 29), np.float32),
    }
    write_table(frames / "anna/geometry.parquet", make_table(GEOMETRY_SCHEMA, columns))
    images = make_table(CROPS_SCHEMA, columns | {"image": [b""] * count}).replace_schema_metadata({"size": str(SIZE)})
    write_table(frames / "anna/crops.parquet", images)
    write_table(detected / "anna.parquet", make_table(LANDMARKS_SCHEMA, columns))
    write_table(root / "audio.parquet", make_table(AUDIO_SCHEMA, columns))
    source = RecordingTables(
        "anna", frames / "anna/geometry.parquet", detected / "anna.parquet", root / "audio.parquet"
    )
    write_table(root / "dataset.parquet", build_dataset([source], 0.3, 25.0))
    data = Dataset.load(root / "dataset.parquet")
    inputs = FilmInputs(raw, frames, detected, 25.0, SIZE)
    done: list[int] = []
    planned_films = plan_films(data, dict.fromkeys(FILM_KINDS, 9.0))
    make_films(root / "films", tiny.load(), planned_films, inputs, done.append)
    assert sum(done) == sum(planned.frames for planned in planned_films) == 3 * PICTURES + 32
    return Made(root / "films", read_records(root / "films"), inputs, data)


def test_every_kind_has_its_film(made: Made) -> None:
    assert [record.planned.kind for record in made.records] == list(FILM_KINDS)
    assert len(list(made.folder.rglob("*.mkv"))) == 4 + 2, "own and detected show the same pictures, driven and voice"
    assert not list(made.folder.rglob("*.parts"))


def test_sources_are_the_footage_to_the_bit(made: Made, tiny: Tiny) -> None:
    """Compared as planes, as the file stores them."""
    planned, corner = made.planned("own"), made.records[0].corner
    cut = Footage(source_film_path(made.folder, planned), lossless=True)
    cut.restore(cut.index())
    whole = Footage(tiny.footage, lossless=True)
    whole.restore(whole.index())
    for small, large in zip(cut.read(np.arange(PICTURES)), whole.read(np.arange(PICTURES)), strict=True):
        height, width = small.planes[0].shape
        inside = np.s_[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
        assert all(np.array_equal(a, b[inside]) for a, b in zip(small.planes, large.planes, strict=True))
        assert small.colour == large.colour


def test_films_differ_from_their_sources_in_the_lower_face_alone(made: Made) -> None:
    for kind in FILM_KINDS:
        film, source = made.film(kind), made.source(kind)
        different = (film != source[: len(film)]).any(axis=(0, 3))
        rows = np.flatnonzero(different.any(axis=1))
        assert len(rows) and rows[0] > 0.35 * film.shape[1] and not different[:, :4].any(), kind
    assert not np.array_equal(made.film("own"), made.film("detected"))


def test_frames_without_a_face_show_the_source(made: Made) -> None:
    own = made.records[0]
    assert own.unpainted == ((BLIND, BLIND + 1),) and not own.painted[BLIND]
    assert np.array_equal(made.film("own")[BLIND], made.source("own")[BLIND])
    assert made.records[2].unpainted == ()


def test_the_film_has_the_speech_that_it_says(made: Made) -> None:
    spoken = read_wav(made.inputs.frames / "anna/audio/c.wav")
    for kind, frames in (("own", PICTURES), ("driven", PICTURES), ("voice", 32)):
        heard = np.concatenate(list(decode_audio(film_path(made.folder, made.planned(kind)), frames * 640)))
        assert np.array_equal(heard, film_speech(made.planned(kind), made.inputs))
        if kind != "voice":
            assert np.array_equal(heard, spoken[: frames * 640])


def test_another_voice_is_a_quarter_higher(made: Made, tmp_path: Path) -> None:
    (tmp_path / "x/audio").mkdir(parents=True)
    tone = 8000 * np.sin(2 * np.pi * 400 * np.arange(2 * AUDIO_RATE) / AUDIO_RATE)
    write_wav(tmp_path / "x/audio/c.wav", [tone.astype(np.int16)])
    planned = PlannedFilm("voice", "x", "c", 5, 30, "c", 0, 1.25)
    spectrum = np.abs(np.fft.rfft(film_speech(planned, replace(made.inputs, frames=tmp_path)).astype(float)))
    assert len(film_speech(planned, replace(made.inputs, frames=tmp_path))) == 30 * 640
    assert np.argmax(spectrum) * AUDIO_RATE / (30 * 640) == pytest.approx(500, abs=1)


def test_a_take_without_its_footage_is_one_clear_line(made: Made, tiny: Tiny, tmp_path: Path) -> None:
    inputs = replace(made.inputs, raw=tmp_path)
    (tmp_path / "anna").mkdir()
    shutil.copy(tiny.footage, tmp_path / "anna/b.mp4")
    with pytest.raises(UserError, match="the clip c is gone"):
        make_films(tmp_path / "films", tiny.load(), [made.planned("own")], inputs, lambda frames: None)


def test_films_show_the_surroundings_of_the_face() -> None:
    transforms = np.array([[0.5, 0, -50.0, 0, 0.5, -25.0], [0.5, 0, -55.0, 0, 0.5, -25.0]])  # crops of 128 px
    rows, columns = crop_surroundings(transforms, 64, 1000, 1000)
    # Crops begin at (100, 50) and (110, 50); 0.4 of 128 px around, to multiples of 8.
    assert (columns.start, columns.stop, rows.start, rows.stop) == (48, 296, 0, 232)
    rows, columns = crop_surroundings(transforms, 64, 250, 201)
    assert (columns.stop, rows.stop) == (250, 201)


@pytest.fixture(scope="module")
def expert() -> SyncExpert:
    with seeded(0):
        return SyncNet(25.0).eval()


def score(made: Made, folder: Path, expert: SyncExpert) -> dict[str, dict[str, float]]:
    detect = detect_at_once(make_landmark_detector(DETECTOR))
    found = score_films(folder, made.records, made.dataset, made.inputs.frames, detect, DETECTOR, expert, "pipeline")
    return {kind: row.metrics for kind, row in found.items()}


def test_films_that_show_their_sources_are_perfect(made: Made, expert: SyncExpert, tmp_path: Path) -> None:
    """In place of each film its source, with the film's sound: what is measured then is the measuring."""
    shutil.copytree(made.folder, tmp_path / "films")
    for record in made.records:
        film = film_path(tmp_path / "films", record.planned)
        pictures = made.source(record.planned.kind)[: record.planned.frames]
        write_lossless(film, pictures, film_speech(record.planned, made.inputs))
    found = score(made, tmp_path / "films", expert)
    for kind in ("own", "detected"):
        metrics = found[kind]
        assert metrics["ssim"] == metrics["ssim_jaw"] == metrics["sharpness_ratio"] == metrics["flicker_ratio"] == 1
        assert metrics["frames"] == PICTURES - 1 and metrics["unpainted"] == 1
        assert "psnr_jaw" not in metrics and "ssim_frame" not in metrics
        assert metrics["ld"] < 0.006, "only the regions are others than those of the landmarks"
    for kind in ("driven", "voice"):
        metrics = found[kind]
        assert metrics["sharpness_ratio"] == metrics["flicker_ratio"] == 1
        assert not {"ld", "psnr", "ssim", "ssim_jaw", "jitter_ratio"} & metrics.keys()
        assert {"lse_d", "closure", "opening_slope", "silence_motion"} <= metrics.keys()
    assert (found["driven"]["frames"], found["voice"]["frames"]) == (PICTURES, 32)


def write_lossless(path: Path, pictures: np.ndarray, sound: np.ndarray) -> None:
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=25)
        video.height, video.width, video.pix_fmt = *pictures.shape[1:3], "bgr0"
        audio = container.add_stream("pcm_s16le", rate=AUDIO_RATE, layout="mono")
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = AUDIO_RATE
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def test_what_the_tiny_face_paints_is_seen(made: Made, expert: SyncExpert) -> None:
    found = score(made, made.folder, expert)
    assert found["own"]["psnr_jaw"] < 30 and found["own"]["ssim_jaw"] < 0.95
    assert set(found) == set(FILM_KINDS)


def test_what_is_said_is_the_speaker_of_that_moment(made: Made) -> None:
    """`driven` shows another clip than it speaks, `voice` reads between the frames."""
    landmarks = made.dataset.landmarks.copy()
    inside = made.dataset.clip == "c"
    landmarks[inside] = np.arange(PICTURES)[:, None, None]  # the frame's number at every point
    numbered = replace(made.dataset, landmarks=landmarks)
    for kind, at in (("driven", np.arange(PICTURES)), ("voice", 1.25 * np.arange(32))):
        record = next(record for record in made.records if record.planned.kind == kind)
        rows = read_film_frames(made.folder, [record], numbered, made.inputs.frames)
        said = rows.mouth.landmarks[:, 5, 0]
        unknown = (np.floor(at) == BLIND) | (np.ceil(at) == BLIND)
        np.testing.assert_allclose(said[~unknown], at[~unknown])
        assert np.isnan(said[unknown]).all() and unknown.any()
        assert not rows.mouth.known[unknown].any()
        assert rows.rows.run.max() == 0
    assert rows.mouth.silent.any()
    own = read_film_frames(made.folder, made.records[:1], made.dataset, made.inputs.frames)
    assert own.unpainted == 1 and own.rows.run.tolist() == [0] * BLIND + [1] * (PICTURES - BLIND - 1)
