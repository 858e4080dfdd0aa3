"""MFCC against the package that SyncNet and DeepSpeech were trained with."""

from __future__ import annotations

import numpy as np
import pytest
import python_speech_features
from hypothesis import given, settings
from hypothesis import strategies as st

from difftalker.audio.mel import mfcc


def speechlike(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.random(count // 1600 + 1), 1600)[:count]
    return (rng.normal(size=count) * envelope * 6000).clip(-32768, 32767).astype(np.int16)


@pytest.mark.parametrize("coefficients", [13, 26])
@pytest.mark.parametrize("count", [1, 399, 400, 401, 560, 16_000, 48_123])
def test_as_python_speech_features(count: int, coefficients: int) -> None:
    sound = speechlike(count)
    expected = python_speech_features.mfcc(sound, 16_000, numcep=coefficients)
    found = mfcc(sound, coefficients)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([0, 1, 30, 32767]))
def test_as_python_speech_features_at_any_loudness(seed: int, scale: int) -> None:
    sound = np.random.default_rng(seed).integers(-scale, scale + 1, 3000).astype(np.int16)
    np.testing.assert_allclose(mfcc(sound, 13), python_speech_features.mfcc(sound, 16_000), atol=1e-7)


def test_four_rows_a_frame_at_25_frames_per_second() -> None:
    """t frames have 4 t - 1 rows: enough for the windows 0 to t - 6 of 20 rows each, not for the next."""
    assert [len(mfcc(speechlike(640 * t), 13)) for t in (6, 25, 250)] == [23, 99, 999]
