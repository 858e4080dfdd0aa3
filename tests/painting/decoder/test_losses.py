"""Pixel losses against hand-computed values."""

from __future__ import annotations

import math

import torch

from difftalker.painting.decoder.losses import PatchDiscriminator, absolute_error, energy_error, hinge_loss, laplacian


def test_laplacian_of_a_spike_and_of_a_ramp() -> None:
    spike = torch.zeros(1, 2, 5, 5)
    spike[0, 1, 2, 2] = 1.0
    found = laplacian(spike)
    assert found[0, 0].abs().max() == 0
    assert found[0, 1, 2, 2] == -4 and found[0, 1, 1, 2] == found[0, 1, 2, 3] == 1 and found[0, 1, 1, 1] == 0
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    assert laplacian(ramp)[..., 1:-1].abs().max() == 0


def test_absolute_error_is_a_weighted_mean() -> None:
    painted, true = torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, 3.0]]]])
    assert float(absolute_error(painted, true, torch.tensor([[[[3.0, 1.0]]]]))) == (3 * 1 + 1 * 3) / 4


def test_energy_compares_strength_and_not_place() -> None:
    """Stripes moved by a pixel have the same energy away from the border; half as strong ones have half of it."""
    stripes = torch.tensor([1.0, -1.0]).repeat(16).expand(1, 1, 32, 32)
    moved, weak = stripes.roll(1, dims=-1), stripes / 2
    weight = torch.zeros(1, 1, 32, 32)
    weight[..., 8:24, 8:24] = 1
    strength = math.sqrt(1 + 1e-5)
    assert float(energy_error(moved, stripes, weight)) < 1e-6
    assert math.isclose(float(energy_error(weak, stripes, weight)), strength - math.sqrt(0.25 + 1e-5), rel_tol=1e-5)


def test_hinge_wants_true_above_one_and_painted_below_minus_one() -> None:
    assert float(hinge_loss(torch.tensor([2.0, 1.0]), torch.tensor([-1.0, -3.0]))) == 0
    assert float(hinge_loss(torch.tensor([0.0]), torch.tensor([0.5]))) == 1 + 1.5


def test_the_discriminator_judges_patches_with_their_condition() -> None:
    torch.manual_seed(0)
    judge = PatchDiscriminator(5, 8).eval()
    images, condition = torch.randn(2, 3, 16, 24), torch.randn(2, 2, 16, 24)
    with torch.no_grad():
        judged = judge(images, condition)
        assert judged.shape == (2, 1, 4, 6)
        assert not torch.allclose(judged, judge(images, -condition))
