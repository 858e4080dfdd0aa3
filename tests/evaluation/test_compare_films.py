"""Films against a reference: perfect where they are equal, and as the pipeline scores them where they are not."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from difftalker.cli.main import main
from difftalker.compute.device import seeded
from difftalker.config import DetectorConfig, FramesConfig, VideoConfig
from difftalker.errors import UserError
from difftalker.evaluation.baselines import PastedCrops
from difftalker.evaluation.candidate_film import resize_to
from difftalker.evaluation.compare_films import REFERENCE, Comparison, ComparisonSettings, NamedExpert, compare_films
from difftalker.evaluation.evaluate import evaluate_rows
from difftalker.evaluation.frame_table import FrameTable, read_row_crops
from difftalker.evaluation.mouth_reference import mouth_reference
from difftalker.evaluation.redetection import detection_pool
from difftalker.evaluation.reference_film import CropSettings
from difftalker.evaluation.source_pictures import SourcePictures
from difftalker.evaluation.sync_scores import sound_embeddings
from difftalker.face.extract_frames import extract_recording
from difftalker.face.landmark_table import landmark_table
from difftalker.face.paste import paste
from difftalker.media.wav import read_wav
from difftalker.report.film_comparison import comparison_csv, comparison_json, comparison_markdown, write_comparison
from difftalker.sync.crop_rules import PipelineCrop
from difftalker.sync.lse import LseScorer
from difftalker.sync.network import SyncNet
from difftalker.sync.official import OfficialSyncNet
from difftalker.tables import read_table, tensor_column
from tests.evaluation.films import COUNT, film, softened
from tests.footage import empty_room, flat, write_footage

DETECTOR = DetectorConfig(name="mesh", smoothing_frames=0.5, max_gap=5)
SETTINGS = ComparisonSettings(crop=CropSettings(size=64), detector=DETECTOR, device="cpu")


@pytest.fixture(scope="module")
def expert() -> NamedExpert:
    with seeded(0):
        return NamedExpert(SyncNet(25.0).eval(), "a random expert", 25.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Path:
    (folder / "recording").mkdir()
    pictures, sound = film()
    return write_footage(folder / "recording" / "clip.mkv", pictures, 25.0, sound)


@pytest.fixture(scope="module")
def comparison(folder: Path, reference: Path, expert: NamedExpert) -> Comparison:
    pictures, _ = film()
    small = [cv2.resize(softened(picture), (140, 140), interpolation=cv2.INTER_AREA) for picture in pictures]
    again = np.floor(np.arange(round(COUNT * 30 / 25)) * 25 / 30 + 0.5).astype(int).clip(max=COUNT - 1)
    faster = write_footage(folder / "faster.mp4", [small[i] for i in again[:-6]], 30.0)  # shorter and without sound
    return compare_films(reference, {"same": reference, "made": faster}, SETTINGS, expert)


def test_the_reference_as_candidate_is_perfect(comparison: Comparison) -> None:
    for name in (REFERENCE, "same"):
        row = comparison.rows[name]
        assert row["ld"] == row["ld_mouth"] == 0
        assert row["psnr"] == row["psnr_lower"] == row["psnr_frame"] == math.inf
        assert row["ssim"] == row["ssim_lower"] == row["ssim_frame"] == 1
        assert row["jitter_ratio"] == row["sharpness_ratio"] == row["flicker_ratio"] == 1
        assert row["psnr_jaw"] == row["psnr_mouth"] == math.inf and row["ssim_jaw"] == row["ssim_mouth"] == 1
        assert [row["opening_r"], row["opening_slope"], row["closure"]] == pytest.approx([1, 1, 1])
        assert row["undetected"] == 0
    assert comparison.rows["same"] == comparison.rows[REFERENCE]


def test_another_size_rate_and_length(comparison: Comparison) -> None:
    row = comparison.rows["made"]
    assert 20 < row["psnr"] < 45 and 0.6 < row["ssim"] < 1 and 0 < row["ld"] < 0.02
    assert row["sharpness_ratio"] < 0.8 and row["psnr_jaw"] < row["psnr_frame"]
    assert row["opening_r"] > 0.8 and row["block_ratio"] > 0
    assert [note for note in comparison.notes if note.startswith("made: ")] == [
        "made: resized from 140x140 to 280x280.",
        "made: resampled from 30 to 25 frames per second.",
        f"made: has {COUNT - 5} frames, the reference {COUNT}; the first {COUNT - 5} were scored.",
        "made: has no sound; judged with the reference’s.",
    ]
    assert comparison.protocol["frames"].startswith(f"{COUNT - 5} of the {COUNT - 5} frames")
    assert {"lse_d", "lse_c", "sync_offset"} <= row.keys()


def test_face_crops_are_measured_once(folder: Path) -> None:
    """With `--crop none` crop and picture are the same, and so would be the figures."""
    crops = write_footage(folder / "crops.mkv", [picture[12:172, 25:185] for picture in film()[0][:8]], 25.0)
    found = compare_films(crops, {"same": crops}, replace(SETTINGS, crop=CropSettings("none")), None)
    for row in found.rows.values():
        assert row["psnr"] == math.inf and row["ssim"] == 1
        assert not [key for key in row if key.endswith("_frame")]
    assert "the whole pictures of 160 px, taken as face crops" in comparison_markdown(found)
    assert "PSNR frame" not in comparison_markdown(found)


class Softened(PastedCrops):
    """Crops with a soft lower half; the whole pictures, as `paste` makes them, are kept for a film."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    def images(self, chosen: slice, truth: np.ndarray) -> np.ndarray:
        return np.stack([_soft_half(crop) for crop in truth])

    def whole(self, index: int, image: np.ndarray, picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
        self.pictures.append(paste(picture, image, transform))
        return self.pictures[-1]


def _soft_half(crop: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(crop, (0, 0), 1.2)
    soft[: len(crop) // 2] = crop[: len(crop) // 2]
    return soft


def test_as_the_pipeline_scores_the_same_video(folder: Path, reference: Path, expert: NamedExpert) -> None:
    """Extraction, detection and evaluation as the stages do them, against one call with the two films.

    The film goes through H.264 and, in the pipeline, crops are scored before they are pasted back: hence tolerances.
    """
    frames = folder / "frames" / "recording"
    extract_recording(reference.parent, frames, VideoConfig(fps=25.0, size=64), FramesConfig("png", 1.7, 0.4))
    table, geometry = landmark_table(frames, DETECTOR), read_table(frames / "geometry.parquet")
    assert table.column("valid").to_numpy().all()
    index = np.arange(COUNT)
    test = FrameTable(
        recording=np.full(COUNT, "recording"),
        clip=np.full(COUNT, "clip"),
        frame=index,
        time=index / 25,
        row=index,
        landmarks=tensor_column(table, "landmarks"),
        features=np.zeros((COUNT, 16, 29), np.float32),
        region=tensor_column(geometry, "region"),
        run=np.zeros(COUNT, int),
    )
    made = Softened()
    sound = sound_embeddings(expert.expert, test, folder / "frames", 25.0)
    with detection_pool(DETECTOR, "cpu", COUNT) as detect:
        result = evaluate_rows(
            test,
            {"generated": made},
            {},
            mouth_reference(test, folder / "frames", 25.0),
            lambda chosen: read_row_crops(folder / "frames", test, chosen),
            SourcePictures(folder, folder / "frames", 25.0),
            detect,
            DETECTOR,
            lambda _: LseScorer(expert.expert, [slice(0, COUNT)], sound),
            PipelineCrop(),
        )
    pipeline = result.rows["generated"].metrics
    samples = read_wav(frames / "audio" / "clip.wav")
    candidate = write_footage(folder / "pasted.mkv", made.pictures, 25.0, samples)
    alone = compare_films(reference, {"made": candidate}, SETTINGS, expert).rows["made"]
    tolerance = {"ld": 0.002, "ld_mouth": 0.004, "psnr": 1.5, "psnr_lower": 1.5, "psnr_frame": 0.6}
    tolerance |= {"ssim": 0.02, "ssim_lower": 0.03, "ssim_frame": 0.01, "jitter_ratio": 0.15, "sharpness_ratio": 0.15}
    tolerance |= {"lse_d": 0.01, "lse_c": 0.01, "sync_offset": 0}
    assert alone.keys() == pipeline.keys()
    assert {key: abs(alone[key] - pipeline[key]) for key in tolerance} == {
        key: pytest.approx(0, abs=most) for key, most in tolerance.items()
    }


def test_an_expert_that_cannot_tell_is_noted(comparison: Comparison) -> None:
    """Random weights find the noise anywhere; the note must come with an offset that real footage has not."""
    noted = any("cannot tell on this film" in note for note in comparison.notes)
    assert noted == (abs(comparison.rows[REFERENCE]["sync_offset"]) > 5)


def test_a_moved_face_is_noted_and_no_sound_leaves_sync_out(folder: Path, expert: NamedExpert) -> None:
    pictures = film()[0][:8]
    silent = write_footage(folder / "silent.mkv", pictures)
    moved = write_footage(folder / "moved.mkv", [np.roll(picture, 90, axis=1) for picture in pictures])
    result = compare_films(silent, {"moved": moved}, SETTINGS, expert)
    assert any(note.startswith("moved: its face is not where the reference has it") for note in result.notes)
    assert "No film has sound: lip sync was not measured." in result.notes
    assert "lse_d" not in result.rows["moved"] and "sync_expert" not in result.protocol


def _not_a_video(path: Path) -> Path:
    path.write_text("words")
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda path: path.with_name("none.mp4"), "no such video file"),
    "not a video": (_not_a_video, "not a readable video"),
    "no face": (lambda path: write_footage(path, [empty_room()] * 8), r"no face in \d frames of it"),
    "another shape": (lambda path: write_footage(path, flat([90] * 8, 280, 500)), "another shape than the 280x280"),
    "too short": (lambda path: write_footage(path, film()[0][:5]), "has 5 frames; at least 6"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_candidate_is_one_clear_line(
    folder: Path, reference: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, message = BAD[kind]
    path = make(folder / f"{kind}.mkv")
    with pytest.raises(UserError, match=message) as caught:
        compare_films(reference, {"bad": path}, SETTINGS, None)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_reference_without_a_face(folder: Path, reference: Path) -> None:
    empty = write_footage(folder / "empty.mkv", [empty_room()] * 8)
    with pytest.raises(UserError, match=r"empty\.mkv: no face in any of its 8 frames"):
        compare_films(empty, {"bad": reference}, SETTINGS, None)


def test_an_expert_of_another_rate(reference: Path) -> None:
    with pytest.raises(UserError, match="for 30 frames per second, not 25"):
        compare_films(reference, {"same": reference}, SETTINGS, NamedExpert(SyncNet(30.0), "other", 30.0))


def test_sizes_are_fitted() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert resize_to(picture, 30, 20) is picture
    assert resize_to(picture, 60, 40).shape == (40, 60, 3)
    np.testing.assert_allclose(resize_to(picture, 15, 10)[0, 0], picture[:2, :2].mean(axis=(0, 1)), atol=0.51)


def test_tables_say_the_same(comparison: Comparison, tmp_path: Path) -> None:
    text = comparison_markdown(comparison)
    assert "| same | 0.0000 | 0.0000 | ∞ |" in text
    for said in (*comparison.notes, *comparison.protocol.values()):
        assert said in text
    rows = list(csv.DictReader(comparison_csv(comparison).splitlines()))
    document = json.loads(comparison_json(comparison))
    assert [row["name"] for row in rows] == list(document["rows"]) == [REFERENCE, "same", "made"]
    for row in rows:
        assert row["sync_expert"] == document["protocol"]["sync_expert"] == "a random expert"
        for key, value in document["rows"][row["name"]].items():
            assert float(row[key]) == pytest.approx(float(value), rel=1e-5, abs=1e-6)
    for suffix in (".md", ".csv", ".json"):
        write_comparison(tmp_path / f"table{suffix}", comparison)
    assert (tmp_path / "table.md").read_text() == text


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *arguments])
    text = capsys.readouterr()
    return int(ended.value.code or 0), text.out, text.err


def test_command_without_a_project(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The published expert's code path, with random weights."""
    monkeypatch.chdir(tmp_path)
    with seeded(0):
        OfficialSyncNet().save(tmp_path / "expert")
    short = write_footage(tmp_path / "short.mkv", film()[0][:9], 25.0, film()[1][: 9 * 640])
    command = f"--reference {reference} --candidate Wav2Lip={short} --sync-model expert --size 64 "
    status, out, err = run((command + "--out table.md --out table.json").split(), capsys)
    assert status == 0, err
    assert "Wav2Lip" in out and "written: table.md" in out
    document = json.loads((tmp_path / "table.json").read_text())
    assert "syncnet_v2" in document["protocol"]["sync_expert"]
    assert "face_track" in document["protocol"]["sync_crop"]
    assert document["rows"]["Wav2Lip"]["lse_d"] > 0
    assert "syncnet_v2" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--candidate", "film.mp4"], "write NAME=FILE"),
        (["--candidate", "reference=film.mp4"], "is taken"),
        (["--candidate", "a=1.mp4", "--candidate", "a=2.mp4"], "every name may be given once"),
        (["--candidate", "a=1.mp4", "--out", "table.html"], "written as .md, .csv, .json"),
        (["--candidate", "a=1.mp4", "--sync-model", "trained", "--sync-crop", "lrs"], "use 'pipeline'"),
        (["--candidate", "a=1.mp4", "--sync-model", "nowhere"], "nowhere/config.json: no such file"),
        (["--candidate", "a=1.mp4", "--sync-model", "official"], "difftalker weights fetch syncnet"),
        (["--candidate", "a=1.mp4", "--detector", "fan"], "no such video file"),
    ],
)
def test_wrong_use_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFTALKER_WEIGHTS", str(tmp_path))
    SyncNet(25.0).save(tmp_path / "trained")
    status, _, err = run(["--reference", "none.mp4", *arguments], capsys)
    assert status == 1 and message in err and err.count("\n") == 1
