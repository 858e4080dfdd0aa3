"""Rows of a split, runs and batches."""

import numpy as np
import pytest

from difftalker.dataset.frames import Dataset
from difftalker.errors import UserError
from difftalker.evaluation.frame_table import read_row_crops, read_split
from tests.evaluation.synthetic_run import Run, truth_image


def test_test_rows_keep_the_order_and_form_runs(run: Run) -> None:
    test = read_split(Dataset.load(run.dataset), "test")
    assert len(test) == 45
    assert test.recordings == ["anna", "bert"]
    assert [(part.start, part.stop) for part in test.runs()] == [(0, 25), (25, 45)]
    assert test.frame[25:].tolist() == list(range(40, 60))


def test_a_hole_in_a_clip_starts_a_new_run(run: Run) -> None:
    train = read_split(Dataset.load(run.dataset), "train")
    lengths = [part.stop - part.start for part in train.runs()]
    assert lengths == [5, 12, 19, 35]  # frames 5-7 and 20 of the first clip are invalid


def test_batches_cover_every_row_once_and_never_cross_runs(run: Run) -> None:
    train = read_split(Dataset.load(run.dataset), "train")
    batches = list(train.batches(8))
    assert np.concatenate([np.arange(len(train))[part] for part in batches]).tolist() == list(range(len(train)))
    assert all(len(set(train.run[part])) == 1 and part.stop - part.start <= 8 for part in batches)


def test_crops_are_those_of_the_rows(run: Run) -> None:
    test = read_split(Dataset.load(run.dataset), "test")
    crops = read_row_crops(run.frames, test, slice(30, 33))
    assert crops.shape == (3, run.size, run.size, 3)
    assert np.array_equal(crops[1], truth_image(run, "bert", 46))


def test_an_empty_split_is_a_clear_error(run: Run) -> None:
    dataset = Dataset.load(run.dataset)
    dataset.split[dataset.split == "test"] = "gap"
    with pytest.raises(UserError, match=r"no frame to test on.*test_fraction"):
        read_split(dataset, "test")
