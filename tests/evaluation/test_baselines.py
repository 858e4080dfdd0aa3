"""Reference rows against what they should be on the synthetic run."""

import cv2
import numpy as np
import pytest

from difftalker.dataset.frames import Dataset
from difftalker.evaluation.baselines import MeanMouth, NearestAudio, VaeReconstruction
from difftalker.evaluation.frame_table import FrameTable, read_row_crops, read_split
from difftalker.evaluation.metrics.mouth_opening import mouth_opening, sample_positions
from difftalker.evaluation.ridge_baseline import RidgeRegression
from tests.evaluation.synthetic_run import Run, truth_image


@pytest.fixture(scope="module")
def splits(run: Run) -> tuple[FrameTable, FrameTable]:
    dataset = Dataset.load(run.dataset)
    return read_split(dataset, "train"), read_split(dataset, "test")


def test_mean_mouth_is_the_mean_of_the_training_crops_below_the_split(
    run: Run, splits: tuple[FrameTable, FrameTable]
) -> None:
    train, test = splits
    truth = read_row_crops(run.frames, test, slice(0, 4))
    found = MeanMouth(train, run.frames).images(slice(0, 4), truth)
    crops = np.stack([truth_image(run, *key) for key in zip(train.recording, train.row, strict=True)])
    half = run.size // 2
    assert np.abs(found[:, half:] - crops.mean(axis=0)[half:]).max() <= 0.5
    assert np.array_equal(found[:, : half - 8], truth[:, : half - 8])


def test_mean_mouth_does_not_see_other_splits(run: Run, splits: tuple[FrameTable, FrameTable]) -> None:
    train, _ = splits
    assert MeanMouth(train, run.frames).landmarks == pytest.approx(train.landmarks.mean(axis=0))


def test_nearest_audio_finds_the_window(run: Run, splits: tuple[FrameTable, FrameTable]) -> None:
    train, test = splits
    nearest = NearestAudio(train, test, run.frames)
    flat = train.features.reshape(len(train), -1)
    for i in range(0, len(test), 7):
        distance = [np.linalg.norm(test.features[i].ravel() - window) for window in flat]
        assert nearest.index[i] == int(np.argmin(distance))
    index = nearest.index[10]
    truth = read_row_crops(run.frames, test, slice(10, 11))
    image = nearest.images(slice(10, 11), truth)[0]
    expected = truth_image(run, train.recording[index], train.row[index])
    assert np.array_equal(image[run.size // 2 :], expected[run.size // 2 :])
    assert np.array_equal(nearest.landmarks[10], train.landmarks[index])


def test_ridge_regression_paints_the_mouth_that_the_landmarks_have(
    run: Run, splits: tuple[FrameTable, FrameTable]
) -> None:
    train, test = splits
    half, chosen = run.size // 2, slice(0, 25)
    truth = read_row_crops(run.frames, test, chosen)
    regression = RidgeRegression(train, test.landmarks, run.frames)
    found = regression.images(chosen, truth)
    assert np.array_equal(found[:, : half - 8], truth[:, : half - 8])
    mean = MeanMouth(train, run.frames).images(chosen, truth)

    def error(images: np.ndarray) -> float:
        return float(((images[:, half:].astype(float) - truth[:, half:]) ** 2).mean())

    assert error(found) < 0.3 * error(mean)
    other = RidgeRegression(train, test.landmarks[::-1], run.frames).images(chosen, truth)
    assert error(other) > 2 * error(found)


def test_ridge_regression_does_not_see_the_lower_half(run: Run, splits: tuple[FrameTable, FrameTable]) -> None:
    train, test = splits
    truth = read_row_crops(run.frames, test, slice(0, 4))
    blank = truth.copy()
    blank[:, run.size // 2 :] = 0
    regression = RidgeRegression(train, test.landmarks, run.frames)
    assert np.array_equal(regression.images(slice(0, 4), truth), regression.images(slice(0, 4), blank))


def test_ridge_regression_follows_the_closed_form(run: Run, splits: tuple[FrameTable, FrameTable]) -> None:
    """The weights of one pixel, solved on its own with the inputs stacked under the root of the ridge."""
    train, test = splits
    regression = RidgeRegression(train, test.landmarks, run.frames)
    crops = np.stack([truth_image(run, *key) for key in zip(train.recording, train.row, strict=True)])
    upper = np.stack([cv2.resize(crop[: run.size // 2], (32, 16), interpolation=cv2.INTER_AREA) for crop in crops])
    inputs = regression._inputs(upper.reshape(len(crops), -1), train.landmarks)
    inputs = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-6)
    wanted = crops[:, 50, 33, 1].astype(float)
    root = np.sqrt(0.02 * len(crops)) * np.eye(inputs.shape[1])
    padded = np.concatenate([wanted - wanted.mean(), np.zeros(len(root))])
    weights = np.linalg.lstsq(np.concatenate([inputs, root]), padded, rcond=None)[0]
    column = ((50 - run.size // 2) * run.size + 33) * 3 + 1
    np.testing.assert_allclose(regression._weights[:, column], weights, atol=1e-6)


def test_vae_reconstruction_keeps_the_upper_half(run: Run, splits: tuple[FrameTable, FrameTable]) -> None:
    class Inverting:
        def reconstruct(self, images: np.ndarray) -> np.ndarray:
            return 255 - images

    truth = read_row_crops(run.frames, splits[1], slice(0, 2))
    found = VaeReconstruction(Inverting()).images(slice(0, 2), truth)
    half = run.size // 2
    assert np.array_equal(found[:, half:], 255 - truth[:, half:])
    assert np.array_equal(found[:, : half - 8], truth[:, : half - 8])


def test_samples_go_from_closed_to_wide_open(splits: tuple[FrameTable, FrameTable]) -> None:
    _, test = splits
    opening = mouth_opening(test.landmarks)
    chosen = opening[sample_positions(test.landmarks)]
    assert len(chosen) == 8
    assert (np.diff(chosen) > 0).all()
    assert (chosen[0], chosen[-1]) == (opening.min(), opening.max())
    assert len(sample_positions(test.landmarks[:3])) == 3


def test_mouth_opening_is_the_gap_of_the_inner_lips() -> None:
    landmarks = np.zeros((1, 68, 2))
    landmarks[0, 66] = (0.03, 0.04)
    assert mouth_opening(landmarks) == pytest.approx([0.05])
