"""The protocol of LSE-D and LSE-C."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difftalker.sync.lse import LARGEST_SHIFT, LseScorer, sync_distances, sync_score


class PlainExpert:
    """Lips and sound are one number per frame; an embedding is the five numbers of a window."""

    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        values = frames[:, 0, 0, 0].astype(np.float32)
        return np.lib.stride_tricks.sliding_window_view(values, 5)

    def embed_audio(self, samples: np.ndarray) -> np.ndarray:
        values = samples.reshape(-1, 640)[:, 0].astype(np.float32)
        return np.lib.stride_tricks.sliding_window_view(values, 5)


def frames_of(values: np.ndarray) -> np.ndarray:
    return np.broadcast_to(values[:, None, None, None].astype(np.uint8), (len(values), 8, 8, 3))


def sound_of(values: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(np.int16), 640)


def score(frames: np.ndarray, sound: np.ndarray, batch: int = 16) -> LseScorer:
    expert = PlainExpert()
    scorer = LseScorer(expert, [slice(0, len(frames))], [expert.embed_audio(sound)])
    for start in range(0, len(frames), batch):
        scorer.add(slice(start, min(start + batch, len(frames))), frames[start : start + batch])
    return scorer


def test_distances_against_the_reference_loop() -> None:
    """As calc_pdist of the published code: pad the sound, compare each window with 31 neighbours."""
    rng = np.random.default_rng(0)
    video, audio = rng.random((20, 7)), rng.random((20, 7))
    padded = np.concatenate([np.zeros((15, 7)), audio, np.zeros((15, 7))])
    expected = [[np.sqrt(((video[i] - padded[i + j]) ** 2).sum()) for j in range(31)] for i in range(20)]
    np.testing.assert_allclose(sync_distances(video, audio), expected)


def test_scores_by_hand() -> None:
    curve = np.full(31, 5.0)
    curve[12], curve[:3] = 1.5, 9.0
    result = sync_score(curve)
    assert (result.lse_d, result.lse_c, result.offset) == (1.5, 3.5, 3)


@settings(max_examples=30, deadline=None)
@given(shift=st.integers(-12, 12), seed=st.integers(0, 1000))
def test_shifting_the_sound_shifts_the_offset(shift: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(1, 200, 100)
    later = np.roll(values, shift)
    means = score(frames_of(values[20:80]), sound_of(later[20:80])).means()
    assert means["sync_offset"] == -shift  # sound that is late is a picture that is early
    in_time = score(frames_of(values[20:80]), sound_of(values[20:80])).means()
    assert in_time == {"lse_d": 0.0, "lse_c": pytest.approx(in_time["lse_c"]), "sync_offset": 0}
    assert in_time["lse_c"] > 0


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(1, 50), count=st.integers(6, 60))
def test_batches_do_not_matter(batch: int, count: int) -> None:
    rng = np.random.default_rng(count)
    frames, sound = frames_of(rng.integers(0, 200, count)), sound_of(rng.integers(0, 200, count))
    np.testing.assert_allclose(score(frames, sound, batch).distances(), score(frames, sound, 1000).distances())


def test_t_frames_have_t_minus_5_windows() -> None:
    rng = np.random.default_rng(1)
    frames, sound = frames_of(rng.integers(0, 200, 40)), sound_of(rng.integers(0, 200, 40))
    expert = PlainExpert()
    expected = sync_distances(expert.embed_video(frames)[:35], expert.embed_audio(sound)[:35]).mean(0)
    np.testing.assert_allclose(score(frames, sound).distances(), expected)


def test_windows_of_all_runs_count_alike_and_short_runs_not_at_all() -> None:
    rng = np.random.default_rng(2)
    expert = PlainExpert()
    values, sounds = rng.integers(0, 200, 45), rng.integers(0, 200, 45)
    runs = [slice(0, 10), slice(10, 15), slice(15, 45)]
    audio = [expert.embed_audio(sound_of(sounds[run])) for run in runs]
    scorer = LseScorer(expert, runs, audio)
    for run in runs:
        scorer.add(run, frames_of(values[run]))
    parts = [
        sync_distances(expert.embed_video(frames_of(values[run]))[:n], sounds_[:n])
        for run, sounds_, n in zip(runs, audio, (5, 0, 25), strict=True)
    ]
    np.testing.assert_allclose(scorer.distances(), np.concatenate(parts).mean(0))


def test_nothing_to_score_gives_no_figures() -> None:
    scorer = score(frames_of(np.arange(5)), sound_of(np.arange(5)))
    assert scorer.means() == {}
    assert scorer.distances().shape == (0,)


def test_curve_has_the_shift_in_its_index() -> None:
    values = np.random.default_rng(3).integers(1, 200, 60)
    curve = score(frames_of(values), sound_of(values)).distances()
    assert curve.shape == (2 * LARGEST_SHIFT + 1,) and curve.argmin() == LARGEST_SHIFT
