"""The small SyncNet: windows, sound features, storage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from difftalker.compute.device import seeded
from difftalker.sync.experts import load_sync_expert
from difftalker.sync.network import SyncNet, levelled_log_mel, lower_halves


@pytest.fixture(scope="module")
def model() -> SyncNet:
    with seeded(0):
        return SyncNet(25.0).eval()


def crops(count: int, size: int = 128) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def speech(count: int, scale: float = 8000.0) -> np.ndarray:
    return (np.random.default_rng(1).normal(size=count * 640) * scale).clip(-32768, 32767).astype(np.int16)


def test_t_frames_and_their_sound_have_the_same_windows(model: SyncNet) -> None:
    video, audio = model.embed_video(crops(12)), model.embed_audio(speech(12))
    assert video.shape == audio.shape == (8, 65)
    for vectors in (video, audio):
        np.testing.assert_allclose(np.linalg.norm(vectors[:, :-1], axis=1), 1.0, atol=1e-5)
        assert (vectors[:, -1] == 1).all()
    assert model.embed_audio(speech(3)).shape == (0, 65)


def test_a_window_sees_its_own_frames_and_sound_only(model: SyncNet) -> None:
    frames, changed = crops(12), crops(12)
    changed[8, 64:] = 0
    differs = np.abs(model.embed_video(frames) - model.embed_video(changed)).max(1) > 1e-6
    assert differs.tolist() == [False] * 4 + [True] * 4  # windows 4 to 7 hold frame 8
    # White noise of a steady level, so that the change hardly moves the level that loudness is relative to.
    sound, other = speech(40), speech(40)
    other[30 * 640 : 31 * 640] = other[29 * 640 : 30 * 640]
    moved = np.abs(model.embed_audio(sound) - model.embed_audio(other)).max(1)
    assert np.flatnonzero(moved > 0.2 * moved.max()).min() >= 25
    assert np.flatnonzero(moved > 0.2 * moved.max()).max() <= 31


def test_upper_half_is_not_seen(model: SyncNet) -> None:
    frames, changed = crops(6), crops(6)
    changed[:, :64] = 0
    np.testing.assert_array_equal(model.embed_video(frames), model.embed_video(changed))


@pytest.mark.parametrize("size", [64, 128, 256])
def test_any_crop_size(model: SyncNet, size: int) -> None:
    assert lower_halves(crops(2, size)).shape == (2, 3, 48, 96)
    assert model.embed_video(crops(6, size)).shape == (2, 65)


def test_batches_do_not_matter(model: SyncNet) -> None:
    frames = crops(80)  # more windows than go through the network at once
    np.testing.assert_allclose(model.embed_video(frames)[70:], model.embed_video(frames[70:]), atol=1e-5)


def test_log_mel_is_in_range_and_independent_of_gain() -> None:
    rows = levelled_log_mel(speech(25))
    assert rows.shape == (100, 29) and rows.dtype == np.float32
    assert rows.min() >= -1 and rows.max() <= 1
    np.testing.assert_allclose(levelled_log_mel(speech(25, 4000.0)), rows, atol=0.02)
    assert (levelled_log_mel(np.zeros(16_000, np.int16)) == -1).all()


def test_log_mel_row_has_the_time_of_its_index() -> None:
    click = np.zeros(16_000, np.int16)
    click[5000:5010] = 20_000  # 312.5 ms
    loud = levelled_log_mel(click).mean(1)
    assert abs(int(loud.argmax()) - 31) <= 1


def test_other_frame_rates_have_windows_of_five_frames() -> None:
    model = SyncNet(50.0).eval()
    assert model.rows == 10
    assert model.embed_audio(speech(25)).shape == (46, 65)  # one second


def test_saved_and_loaded_is_the_same(model: SyncNet, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = load_sync_expert(tmp_path)
    assert isinstance(loaded, SyncNet)
    assert loaded.fps == 25.0 and not loaded.training
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
