"""Warps: points go where they should, pictures follow them."""

from __future__ import annotations

import numpy as np
import torch

from difftalker.painting.decoder.warp import control_points, warp, warp_map

RANDOM = np.random.default_rng(0)


def face(count: int = 1) -> torch.Tensor:
    """Plausible landmarks: a jaw arc, a nose, eyes, lips; (count, 68, 2)."""
    points = np.full((68, 2), 0.5)
    points[36:42], points[42:48] = (0.35, 0.3), (0.65, 0.3)
    angle = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([0.5 - 0.4 * np.cos(angle), 0.45 + 0.45 * np.sin(angle)], 1)
    points[31:36] = np.stack([np.linspace(0.42, 0.58, 5), np.full(5, 0.5)], 1)
    for indices, radius in ((range(48, 60), (0.16, 0.09)), (range(60, 68), (0.12, 0.05))):
        turn = np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
        points[list(indices)] = np.stack([0.5 - radius[0] * np.cos(turn), 0.72 - radius[1] * np.sin(turn)], 1)
    return torch.from_numpy(np.tile(points, (count, 1, 1)))


def test_the_same_landmarks_leave_a_picture_as_it_is() -> None:
    picture = torch.from_numpy(RANDOM.random((1, 3, 64, 64))).float()
    points = control_points(face())
    warped = warp(picture, warp_map(points, points, 24 / 64), 40)
    assert warped.shape == (1, 1, 3, 40, 64)
    assert torch.allclose(warped[0, 0], picture[0, :, 24:], atol=1e-4)


def test_an_affine_shift_is_followed_exactly() -> None:
    """A spline through points that all move alike is that motion; the fixed border is taken out for this test."""
    given = face()[:, [0, 4, 8, 12, 16, 48, 51, 54, 57]].double()
    found = warp_map(given + torch.tensor([0.05, -0.03]), given, 0.5)
    x, y = found[0, 0, 4, 7].tolist()
    assert np.allclose([x, y], [7 / 32 - 0.05, 0.5 + 4 / 32 + 0.03], atol=1e-5)


def test_a_mark_follows_its_landmark() -> None:
    """A bright spot at a mouth corner is found at the wanted mouth corner."""
    given, wanted = face(), face()
    wanted[:, 48:68, 0] = 0.5 + 1.3 * (wanted[:, 48:68, 0] - 0.5)
    rows, columns = torch.meshgrid(torch.arange(128) + 0.5, torch.arange(128) + 0.5, indexing="ij")
    corner = given[0, 48] * 128
    spot = torch.exp(-((columns - corner[0]) ** 2 + (rows - corner[1]) ** 2) / 8)[None, None].float()
    found = warp(spot, warp_map(control_points(wanted), control_points(given), 0.0), 128)[0, 0, 0]
    at = np.unravel_index(int(found.argmax()), (128, 128))
    assert np.allclose((np.array([at[1], at[0]]) + 0.5) / 128, wanted[0, 48].numpy(), atol=1.5 / 128)


def test_lips_that_meet_do_not_tear_the_picture() -> None:
    """Open lips onto closed ones: points contradict each other, the map stays finite and near."""
    closed = face()
    closed[:, 60:68, 1] = 0.72
    found = warp_map(control_points(closed), control_points(face()), 0.375)
    assert torch.isfinite(found).all()
    assert (found - warp_map(control_points(closed), control_points(closed), 0.375)).abs().max() < 0.15


def test_batches_do_not_matter() -> None:
    points = face(3) + torch.from_numpy(RANDOM.normal(0, 0.01, (3, 68, 2)))
    given = control_points(face(2) + torch.from_numpy(RANDOM.normal(0, 0.01, (2, 68, 2))))
    whole = warp_map(control_points(points), given, 0.375)
    single = torch.cat([warp_map(control_points(points[i : i + 1]), given, 0.375) for i in range(3)])
    assert torch.allclose(whole, single, atol=1e-6)
