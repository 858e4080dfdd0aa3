"""Equations 4 to 6 against values worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difftalker.diffusion import add_noise, lower_mask, masked_loss, sample, target, timesteps


def schedule(steps: int = 1000) -> torch.Tensor:
    betas = np.linspace(0.00085**0.5, 0.012**0.5, steps) ** 2
    return torch.from_numpy(np.cumprod(1 - betas)).float()


def test_the_first_half_of_the_rows_is_clean() -> None:
    mask = lower_mask(torch.zeros(2, 3, 6, 4))
    assert mask.flatten().tolist() == [0, 0, 0, 1, 1, 1]


def test_noising_follows_equation_4() -> None:
    clean, upper, noise = (torch.full((1, 1, 4, 1), value) for value in (2.0, 7.0, 10.0))
    noised = add_noise(clean, upper, noise, torch.tensor([0.64]))
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
    assert target(clean, noise, torch.tensor([0.64]), "v_prediction").flatten()[0] == pytest.approx(0.8 * 10 - 0.6 * 2)
    assert torch.equal(target(clean, noise, torch.tensor([0.64]), "epsilon"), noise)


@given(st.integers(1, 1000))
def test_timesteps_fall_from_the_noisiest(steps: int) -> None:
    plan = timesteps(steps, 1000)
    assert len(plan) == steps and plan[0] == 999 and plan[-1] >= 0
    assert all(a > b for a, b in pairwise(plan))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@given(steps=st.integers(1, 20), seed=st.integers(0, 99))
def test_sampling_with_a_perfect_network_gives_the_image(prediction: str, steps: int, seed: int) -> None:
    alphas = schedule()
    generator = torch.Generator().manual_seed(seed)
    clean, upper, noise = (torch.randn(2, 3, 8, 4, generator=generator) for _ in range(3))

    def oracle(z: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        a = alphas[step].view(-1, 1, 1, 1)
        epsilon = (z - a.sqrt() * clean) / (1 - a).sqrt()
        return target(clean, epsilon, alphas[step], prediction)

    result = sample(oracle, upper, noise, alphas, steps=steps, prediction=prediction)
    assert torch.equal(result[:, :, :4], upper[:, :, :4])
    assert torch.allclose(result[:, :, 4:], clean[:, :, 4:], atol=2e-3)


def test_sampling_is_ddim_of_diffusers() -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        timestep_spacing="trailing",
    )
    scheduler.set_timesteps(5)
    noise = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))

    def network(z: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        return 0.3 * z + 0.001 * step.view(-1, 1, 1, 1)

    expected = noise.clone()
    expected[:, :, :2] = 0
    for step in scheduler.timesteps:
        expected = scheduler.step(network(expected, step.view(1)), int(step), expected).prev_sample
        expected[:, :, :2] = 0
    result = sample(network, torch.zeros_like(noise), noise, scheduler.alphas_cumprod, steps=5, prediction="epsilon")
    assert torch.allclose(result, expected, atol=1e-5)
