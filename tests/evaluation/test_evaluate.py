"""The whole evaluation on the synthetic run: the detector reads the drawn mouth, the sync scorer only records."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from difftalker.config import DetectorConfig
from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.evaluation.baselines import GroundTruth, MeanMouth, NearestAudio
from difftalker.evaluation.evaluate import Evaluation, evaluate_rows, metrics_document
from difftalker.evaluation.frame_table import FrameTable, read_row_crops, read_split
from difftalker.evaluation.mouth_reference import MouthReference, mouth_reference
from difftalker.evaluation.outputs import write_folder, write_metrics, write_plots
from difftalker.evaluation.redetection import Redetection, detect_at_once
from difftalker.evaluation.result_rows import GeneratedFrames
from difftalker.evaluation.source_pictures import SourcePictures
from difftalker.face.paste import paste
from difftalker.sync.crop_rules import PipelineCrop
from tests.evaluation.synthetic_run import FPS, Run, truth_image

CONFIG = DetectorConfig(name="mesh", smoothing_frames=0.0, max_gap=2)


class DrawnMouth:
    """Finds the dark inside of the drawn mouth: the extreme points are exact to a pixel, the other points fixed."""

    def detect(self, images: list[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = np.zeros((len(images), 68, 2), np.float32)
        for points, image in zip(found, images, strict=True):
            rows, columns = np.nonzero(image[len(image) // 2 : len(image) // 2 + 20, 20:44].sum(axis=2) < 160)
            points[:] = len(image) / 2
            points[[0, 16], 0] = 0.2 * len(image), 0.8 * len(image)
            points[60:68, 0] = columns.mean() + 20 if len(rows) else len(image) / 2
            points[62, 1] = len(image) // 2 + (rows.min() if len(rows) else 10)
            points[66, 1] = len(image) // 2 + (rows.max() if len(rows) else 10)
        return found, np.ones(len(images), np.float32)


class Recorder:
    """A sync scorer that keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[slice, np.ndarray]] = []

    def add(self, chosen: slice, images: np.ndarray) -> None:
        self.seen.append((chosen, images))

    def distances(self) -> np.ndarray:
        return np.abs(np.arange(-15.0, 16.0)) + 1

    def means(self) -> dict[str, float]:
        return {"lse_d": 1.0, "lse_c": 7.0, "sync_offset": 0}


def seen_by_the_detector(run: Run, test: FrameTable) -> MouthReference:
    """The drawn mouths as the detector sees them, to a pixel; nobody is silent."""
    crops = np.concatenate([read_row_crops(run.frames, test, chosen) for chosen in test.runs()])
    points, _ = DrawnMouth().detect(list(crops), test.region)
    return MouthReference(points / run.size, np.zeros(len(test), bool), FPS)


@pytest.fixture(scope="module")
def test_rows(run: Run) -> FrameTable:
    return read_split(Dataset.load(run.dataset), "test")


@pytest.fixture(scope="module")
def recorders() -> list[Recorder]:
    return []


@pytest.fixture(scope="module")
def result(run: Run, test_rows: FrameTable, recorders: list[Recorder]) -> Evaluation:
    train = read_split(Dataset.load(run.dataset), "train")
    generated = GeneratedFrames(run.synthesis, test_rows)
    nearest = NearestAudio(train, test_rows, run.frames)

    def recorder(name: str) -> Recorder:
        recorders.append(Recorder())
        return recorders[-1]

    return evaluate_rows(
        test_rows,
        {
            "generated": generated,
            "ground_truth": GroundTruth(),
            "mean_mouth": MeanMouth(train, run.frames),
            "nearest_audio": nearest,
        },
        {"generated": generated.landmarks, "nearest_audio": nearest.landmarks},
        seen_by_the_detector(run, test_rows),
        lambda chosen: read_row_crops(run.frames, test_rows, chosen),
        SourcePictures(run.root / "raw", run.frames, FPS),
        detect_at_once(DrawnMouth()),
        CONFIG,
        recorder,
        PipelineCrop(),
    )


def test_image_figures_equal_a_plain_loop(run: Run, test_rows: FrameTable, result: Evaluation) -> None:
    half = run.size // 2
    psnr, ssim_lower = [], []
    for recording, row in zip(test_rows.recording, test_rows.row, strict=True):
        truth = truth_image(run, recording, row)
        made = cv2.GaussianBlur(truth, (0, 0), 0.7)
        made[:half] = truth[:half]
        psnr.append(peak_signal_noise_ratio(truth, made, data_range=255))
        ssim_lower.append(structural_similarity(truth[half:], made[half:], channel_axis=-1, data_range=255))
    metrics = result.rows["generated"].metrics
    assert metrics["psnr"] == pytest.approx(np.mean(psnr))
    assert metrics["ssim_lower"] == pytest.approx(np.mean(ssim_lower))
    assert metrics["psnr_lower"] == pytest.approx(
        metrics["psnr"] - 10 * math.log10(2)
    )  # half the pixels, all the error


def test_landmark_distance_is_the_known_error(result: Evaluation) -> None:
    assert result.rows["generated"].metrics["landmark_distance"] == pytest.approx(0.005, rel=1e-3)


def test_rows_that_predict_no_landmarks_have_no_landmark_distance(result: Evaluation) -> None:
    assert "landmark_distance" not in result.rows["ground_truth"].metrics
    assert "landmark_distance" in result.rows["nearest_audio"].metrics


def test_the_ground_truth_is_perfect_where_it_must_be(result: Evaluation) -> None:
    metrics = result.rows["ground_truth"].metrics
    assert metrics["ssim"] == 1
    assert metrics["sharpness_ratio"] == 1
    assert "psnr" not in metrics  # infinite


def test_blur_costs_sharpness_and_the_mean_mouth_stands_still(result: Evaluation) -> None:
    assert result.rows["generated"].metrics["sharpness_ratio"] < 0.8
    assert result.rows["mean_mouth"].metrics["jitter_ratio"] == pytest.approx(0, abs=1e-6)
    assert result.rows["ground_truth"].metrics["jitter_ratio"] > 0.05


def test_the_mouth_found_on_the_frames_follows_the_drawn_one(result: Evaluation) -> None:
    frames = result.rows["ground_truth"].frames
    assert np.corrcoef(frames["mouth_opening"], frames["mouth_opening_true"])[0, 1] > 0.8  # few pixels a mouth
    still = result.rows["mean_mouth"].frames
    assert np.ptp(still["mouth_opening"]) == 0


def test_frame_figures_see_the_whole_picture(result: Evaluation) -> None:
    truth, made = result.rows["ground_truth"].metrics, result.rows["generated"].metrics
    assert "psnr_frame" not in truth and truth["ssim_frame"] == 1
    assert made["psnr"] < made["psnr_frame"] < made["psnr"] + 10  # most of the picture is not touched


def test_figures_in_the_source_see_the_jaw_and_the_mouth(run: Run, test_rows: FrameTable, result: Evaluation) -> None:
    """Against a loop over pictures decoded and pasted again."""
    pictures = SourcePictures(run.root / "raw", run.frames, FPS)
    generated = GeneratedFrames(run.synthesis, test_rows)
    jaw, flicker, held = [], [], []
    for index in range(25):
        chosen = slice(index, index + 1)
        ((picture, transform),) = pictures.read(test_rows, chosen)
        made = paste(picture, generated.images(chosen, np.zeros(0))[0], transform)
        outline = test_rows.landmarks[index][[*range(17), *range(27, 36)]] * run.size - transform[[2, 5]]
        mask = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(outline * 16).astype(np.int32)), 1, shift=4)
        mask[: int(run.size / 2 - transform[5])] = 0
        inside = mask > 0
        jaw.append(10 * math.log10(255**2 / ((picture[inside].astype(float) - made[inside]) ** 2).mean()))
        held.append((made.astype(float), inside))
        if index >= 2:
            (x, _), (y, m), (z, _) = held[-3:]
            flicker.append(np.abs(x - 2 * y + z)[m].mean())
    frames = result.rows["generated"].frames
    np.testing.assert_allclose(frames["psnr_jaw"][:25], jaw)
    np.testing.assert_allclose(frames["flicker"][2:25], flicker)
    assert np.isnan(frames["flicker"][[0, 1, 25, 26]]).all()  # nothing is subtracted across runs


def test_the_real_film_has_the_figures_of_a_perfect_one(result: Evaluation) -> None:
    metrics = result.rows["ground_truth"].metrics
    assert metrics["ssim_jaw"] == metrics["ssim_mouth"] == metrics["sharpness_ratio"] == metrics["flicker_ratio"] == 1
    assert "psnr_jaw" not in metrics  # infinite
    assert metrics["closure"] == 1 and metrics["closure_moments"] > 2
    assert [metrics[f"opening_{key}"] for key in ("r", "slope", "sd_ratio")] == pytest.approx([1, 1, 1])
    still = result.rows["mean_mouth"].metrics
    assert still["opening_slope"] == pytest.approx(0) == still["opening_sd_ratio"] and "opening_r" not in still
    assert still["flicker_ratio"] < 0.5


def test_the_test_split_says_what_it_says_itself(run: Run, test_rows: FrameTable, result: Evaluation) -> None:
    spoken = mouth_reference(test_rows, run.frames, FPS)
    assert np.array_equal(spoken.landmarks, test_rows.landmarks)
    assert not spoken.silent.any()  # a tone all the time: nothing is known of motion in silence
    assert not [key for row in result.rows.values() for key in row.metrics if key.startswith("silence")]


def test_the_sync_scorer_sees_every_frame_of_every_row_in_order(
    test_rows: FrameTable, result: Evaluation, recorders: list[Recorder]
) -> None:
    assert len(recorders) == len(result.rows)
    for recorder in recorders:
        assert [s.start for s, _ in recorder.seen] == sorted(s.start for s, _ in recorder.seen)
        assert sum(len(images) for _, images in recorder.seen) == len(test_rows)


def test_metrics_document_is_sorted_rounded_and_counts(test_rows: FrameTable, result: Evaluation) -> None:
    document = metrics_document(result, test_rows, {"sync_crop": "a rule"})
    assert document["protocol"] == {"sync_crop": "a rule"}
    assert (document["test_frames"], document["test_recordings"]) == (45, 2)
    assert set(document["reference"]) == {"ground_truth", "mean_mouth", "nearest_audio"}
    assert list(document) == sorted(document)
    assert document["psnr"] == round(document["psnr"], 6)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_outputs_are_complete_and_the_same_twice(
    tmp_path: Path, run: Run, test_rows: FrameTable, result: Evaluation
) -> None:
    for name in ("one", "two"):
        write_metrics(tmp_path / name / "metrics.json", result, test_rows, {"detector": "none"})
        write_plots(tmp_path / name / "plots", result)
        write_folder(tmp_path / name / "evaluation", result, test_rows)
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name
    frames = pd.read_parquet(tmp_path / "one" / "evaluation" / "per_frame.parquet")
    assert frames["clip"].tolist() == ["c2"] * 25 + ["d"] * 20
    wanted = {"ld", "ld_mouth", "landmark_distance", "psnr", "ssim", "sharpness", "mouth_opening", "mouth_opening_true"}
    assert wanted <= set(frames.columns)
    curve = pd.read_csv(tmp_path / "one" / "plots" / "landmark_distance.csv")
    assert list(curve.columns) == ["index", "ld", "landmark_distance"]
    assert curve["ld"].mean() == pytest.approx(result.rows["generated"].metrics["ld"], abs=1e-6)
    sync = pd.read_csv(tmp_path / "one" / "plots" / "sync_offset.csv")
    assert sync["offset"].tolist() == list(range(-15, 16))
    samples = pd.read_parquet(tmp_path / "one" / "evaluation" / "samples.parquet")
    assert samples.groupby("row").size().to_dict() == dict.fromkeys(result.rows, 8)


def test_a_frame_without_a_face_is_left_out_of_ld_and_counted(test_rows: FrameTable) -> None:
    class Blind(DrawnMouth):
        def detect(self, images: list[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            points, scores = super().detect(images, regions)
            return points, np.where(np.arange(len(images)) < 3, 0, scores).astype(np.float32)

    found = Redetection(detect_at_once(Blind()), CONFIG, test_rows)
    for run in test_rows.runs():
        found.add(run, np.zeros((run.stop - run.start, 64, 64, 3), np.uint8))
    assert np.flatnonzero(~found.finish()[1]).tolist() == [0, 1, 2, 25, 26, 27]  # at a run's start nothing fills


def test_a_synthesis_of_other_frames_is_a_clear_error(run: Run, test_rows: FrameTable) -> None:
    other = read_split(Dataset.load(run.dataset), "train")
    with pytest.raises(UserError, match=r"frames\.parquet: its frames are not the dataset's test split"):
        GeneratedFrames(run.synthesis, other)


def test_source_pictures_are_those_of_the_frames(run: Run, test_rows: FrameTable) -> None:
    pictures = SourcePictures(run.root / "raw", run.frames, FPS)
    for chosen in (slice(3, 6), slice(30, 33), slice(26, 28)):  # the last goes back in its clip
        truth = read_row_crops(run.frames, test_rows, chosen)
        for crop, (picture, transform) in zip(truth, pictures.read(test_rows, chosen), strict=True):
            x, y = -int(transform[2]), -int(transform[5])
            found = picture[y : y + run.size, x : x + run.size]
            assert np.abs(found.astype(int) - crop).mean() < 6  # H.264


def test_a_clip_that_was_taken_away_is_a_clear_error(tmp_path: Path, run: Run, test_rows: FrameTable) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "c1.mp4").write_bytes((run.root / "raw" / "anna" / "c1.mp4").read_bytes())
    with pytest.raises(UserError, match="clip c2 is missing"):
        next(SourcePictures(tmp_path, run.frames, FPS).read(test_rows, slice(0, 2)))
