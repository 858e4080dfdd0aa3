"""The sound of a run of frames."""

from __future__ import annotations

import numpy as np

from difftalker.media.excerpt import cut


def test_samples_of_frames() -> None:
    samples = np.arange(16_000, dtype=np.int16)
    np.testing.assert_array_equal(cut(samples, 3, 2, 25.0), samples[1920:3200])
    np.testing.assert_array_equal(cut(samples, 24, 3, 25.0), samples[15_360:])


def test_successive_runs_join_without_a_hole_at_odd_rates() -> None:
    samples = np.arange(16_000, dtype=np.int16)
    parts = [cut(samples, first, 7, 29.97) for first in range(0, 35, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), samples)
