"""Equations 4 to 6 against values worked out by hand."""

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from difftalker.painting.diffusion.masked_diffusion import (
    add_noise,
    ddim_scheduler,
    lower_mask,
    masked_loss,
    prediction_target,
    sample_lower_rows,
)


def schedule(prediction: str = "epsilon") -> DDIMScheduler:
    """Stable Diffusion's."""
    return DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False, prediction_type=prediction
    )


def two_steps(prediction: str = "epsilon") -> DDIMScheduler:
    """A schedule whose first step keeps 0.64 of the image's power."""
    return DDIMScheduler(num_train_timesteps=2, trained_betas=[0.36, 0.5], prediction_type=prediction)


def test_the_first_half_of_the_rows_is_clean() -> None:
    mask = lower_mask(torch.zeros(2, 3, 6, 4))
    assert mask.flatten().tolist() == [0, 0, 0, 1, 1, 1]


def test_noising_follows_equation_4() -> None:
    clean, upper, noise = (torch.full((1, 1, 4, 1), value) for value in (2.0, 7.0, 10.0))
    noised = add_noise(two_steps(), clean, upper, noise, torch.tensor([0]))
    # 0.8 * 2 + 0.6 * 10 below, the upper-face latent above
    assert noised.flatten().tolist() == pytest.approx([7.0, 7.0, 7.6, 7.6])


def test_loss_counts_the_lower_rows_only() -> None:
    wanted = torch.zeros(1, 2, 4, 3)
    predicted = wanted.clone()
    predicted[:, :, :2] = 100.0
    assert masked_loss(predicted, wanted) == 0
    predicted[:, :, 2:] = 2.0
    assert masked_loss(predicted, wanted) == pytest.approx(4.0)


def test_loss_weights_positions() -> None:
    predicted = torch.tensor([0.0, 0.0, 1.0, 3.0]).view(1, 1, 4, 1)
    weight = torch.tensor([9.0, 9.0, 3.0, 1.0]).view(1, 1, 4, 1)
    # (3 * 1 + 1 * 9) / (3 + 1); the weights of the clean rows have no influence
    assert masked_loss(predicted, torch.zeros(1, 1, 4, 1), weight) == pytest.approx(3.0)


def test_v_is_the_rotated_pair_of_noise_and_image() -> None:
    clean, noise = torch.full((1, 1, 2, 1), 2.0), torch.full((1, 1, 2, 1), 10.0)
    found = prediction_target(two_steps("v_prediction"), clean, noise, torch.tensor([0]))
    assert found.flatten()[0] == pytest.approx(0.8 * 10 - 0.6 * 2)
    assert torch.equal(prediction_target(two_steps(), clean, noise, torch.tensor([0])), noise)
    assert torch.equal(prediction_target(two_steps("sample"), clean, noise, torch.tensor([0])), clean)


@given(st.integers(1, 1000))
def test_timesteps_fall_from_the_noisiest(steps: int) -> None:
    plan = ddim_scheduler(schedule(), steps).timesteps.tolist()
    assert len(plan) == steps and plan[0] == 999 and plan[-1] >= 0
    assert all(a > b for a, b in pairwise(plan))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@given(steps=st.integers(1, 20), seed=st.integers(0, 99))
def test_sampling_with_a_perfect_network_gives_the_image(prediction: str, steps: int, seed: int) -> None:
    scheduler = schedule(prediction)
    generator = torch.Generator().manual_seed(seed)
    clean, upper, noise = (torch.randn(2, 3, 8, 4, generator=generator) for _ in range(3))

    def oracle(z: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        a = scheduler.alphas_cumprod[step].view(-1, 1, 1, 1)
        epsilon = (z - a.sqrt() * clean) / (1 - a).sqrt()
        return prediction_target(scheduler, clean, epsilon, step)

    result = sample_lower_rows(oracle, upper, noise, ddim_scheduler(scheduler, steps))
    assert torch.equal(result[:, :, :4], upper[:, :, :4])
    assert torch.allclose(result[:, :, 4:], clean[:, :, 4:], atol=5e-3)


def test_one_step_is_equation_6_worked_out() -> None:
    """From z_t with the network's epsilon to Z_0 = (z_t - sqrt(1 - a) epsilon) / sqrt(a), in the lower rows."""
    scheduler = ddim_scheduler(two_steps(), 1)
    a = (1 - 0.36) * (1 - 0.5)
    upper, noise = torch.zeros(1, 1, 2, 1), torch.full((1, 1, 2, 1), 2.0)
    result = sample_lower_rows(lambda z, step: torch.full_like(z, 0.5), upper, noise, scheduler)
    assert result.flatten().tolist() == pytest.approx([0.0, (2 - (1 - a) ** 0.5 * 0.5) / a**0.5], rel=1e-5)


def test_two_steps_pass_through_the_schedule_between() -> None:
    """The clean rows are imposed again before the second evaluation."""
    scheduler = ddim_scheduler(two_steps(), 2)
    seen = []

    def network(z: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        seen.append((int(step[0]), z.flatten().tolist()))
        return torch.zeros_like(z)

    sample_lower_rows(network, torch.full((1, 1, 2, 1), 7.0), torch.full((1, 1, 2, 1), 2.0), scheduler)
    a, b = 0.64 * 0.5, 0.64
    assert [step for step, _ in seen] == [1, 0]
    assert seen[1][1] == pytest.approx([7.0, b**0.5 * 2 / a**0.5], rel=1e-5)
