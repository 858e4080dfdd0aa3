"""The split in time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from difftalker.dataset.split import split_recording


def test_single_clip_ends_in_test_frames_behind_a_gap_of_one_audio_window() -> None:
    split = split_recording(np.array(["a"] * 100), np.ones(100, bool), 0.2, 25.0)
    assert split.tolist() == ["train"] * 72 + ["gap"] * 8 + ["test"] * 20


def test_gap_follows_the_frame_rate() -> None:
    split = split_recording(np.array(["a"] * 200), np.ones(200, bool), 0.1, 50.0)
    assert (split == "gap").sum() == 16


def test_several_clips_test_on_the_last_whole_ones() -> None:
    clip = np.repeat(["a", "b", "c", "d"], [40, 30, 20, 10])
    assert split_recording(clip, np.ones(100, bool), 0.125, 25.0).tolist() == ["train"] * 90 + ["test"] * 10
    assert split_recording(clip, np.ones(100, bool), 0.25, 25.0).tolist() == ["train"] * 70 + ["test"] * 30


def test_the_share_is_of_valid_frames_and_invalid_ones_are_marked() -> None:
    clip = np.repeat(["a", "b", "c"], 20)
    valid = np.ones(60, bool)
    valid[40:58] = False  # clip c has two frames left: 5 % of the valid ones
    split = split_recording(clip, valid, 0.4, 25.0)
    assert (split[:20] == "train").all() and (split[20:40] == "test").all()
    assert (split[40:58] == "invalid").all() and (split[58:] == "test").all()


def test_one_of_two_clips_is_always_left_to_train_on() -> None:
    clip = np.repeat(["a", "b"], [1, 99])
    assert split_recording(clip, np.ones(100, bool), 0.1, 25.0).tolist() == ["train"] + ["test"] * 99


@given(
    clips=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 100),
)
def test_test_frames_come_last_and_no_valid_frame_is_lost(clips: list[int], fraction: float, seed: int) -> None:
    clip = np.repeat([f"c{i}" for i in range(len(clips))], clips)
    valid = np.random.default_rng(seed).random(len(clip)) < 0.8
    split = split_recording(clip, valid, fraction, 25.0)
    assert ((split == "invalid") == ~valid).all()
    test, train = np.flatnonzero(split == "test"), np.flatnonzero(split == "train")
    if len(test) and len(train):
        assert train.max() < test.min()
        if len(clips) == 1:
            assert test.min() - train.max() > 8  # nothing of a training window is in a test window
        else:
            assert not set(clip[train]) & set(clip[test])
