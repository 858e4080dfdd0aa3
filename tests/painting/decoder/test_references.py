"""The choice of reference frames, and how like two mouths are."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.painting.decoder.references import choose_references, match_light, mouth_distance
from tests.painting.decoder.test_warp import face


def mouths(openings: np.ndarray) -> np.ndarray:
    """Faces whose lower lips are so far down: (n, 68, 2) float32."""
    points = face(len(openings)).numpy()
    points[:, 55:60, 1] += openings[:, None]
    points[:, 64:68, 1] += openings[:, None]
    return points.astype(np.float32)


def test_first_the_median_mouth_then_the_extremes() -> None:
    openings = np.linspace(0, 0.1, 101)
    chosen = choose_references(mouths(openings), 3)
    assert abs(openings[chosen[0]] - 0.05) < 1e-6
    assert sorted(np.round(openings[chosen[1:]], 2)) == [0.0, 0.1]


def test_fewer_frames_than_wanted_are_all_taken_once() -> None:
    assert sorted(choose_references(mouths(np.array([0.0, 0.05])), 4)) == [0, 1]


@given(st.floats(0.5, 2.0), st.floats(-0.2, 0.2))
def test_size_and_place_of_the_face_do_not_count(scale: float, shift: float) -> None:
    openings = np.array([0.0, 0.02, 0.1])
    points = torch.from_numpy(mouths(openings))
    moved = points * scale + shift
    assert torch.allclose(mouth_distance(moved, points), mouth_distance(points, points), atol=1e-3)


def test_distance_is_nothing_to_itself_and_one_on_average_between_pairs() -> None:
    points = torch.from_numpy(mouths(np.array([0.0, 0.04, 0.1])))
    found = mouth_distance(points, points)
    assert torch.allclose(found.diagonal(), torch.zeros(3), atol=1e-6)
    assert np.isclose(float(found.mean()), 1.0, atol=1e-5)


def test_relighting_takes_the_light_of_the_rows_above_the_split() -> None:
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 40, 64, generator=random)  # in [0, 1]: no clipping when halved
    gain = torch.tensor([0.5, 0.6, 0.7]).view(3, 1, 1)
    darker = (picture + 1) * gain - 1
    darker[:, :, 8:] = 0.3  # below the split nothing counts
    found = match_light(picture[:, None], darker)
    assert torch.allclose(found[0, 0], (picture[0] + 1) * gain - 1, atol=1e-5)
