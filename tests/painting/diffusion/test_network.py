from pathlib import Path

import numpy as np
import pytest
import torch

from difftalker.errors import UserError
from difftalker.painting.diffusion.injection import LandmarkInjection, _split_precision
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.raster import rasterise
from tests.painting.small_prior import CPU, SIZE, small_prior

H = SIZE // 8


def inputs(count: int = 2) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "z": torch.randn(count, 4, H, H, generator=generator),
        "upper": torch.randn(count, 4, H, H, generator=generator),
        "raster": torch.rand(count, 5, SIZE, SIZE, generator=generator),
        "step": torch.tensor([3, 700][:count]),
    }


def run(network: FaceNetwork, prior: Prior, x: dict[str, torch.Tensor]) -> torch.Tensor:
    return network(x["z"], x["step"], network.encode_condition(x["upper"], x["raster"], prior.context))


def awaken(network: FaceNetwork) -> FaceNetwork:
    with torch.no_grad():
        for injection in network.injections:
            torch.nn.init.normal_(injection.to_out.weight, generator=torch.Generator().manual_seed(2))
    return network


@pytest.mark.parametrize("train_unet_decoder", [False, True])
def test_at_initialisation_the_output_is_the_prior_s(train_unet_decoder: bool) -> None:
    prior, x = small_prior(), inputs()
    network = FaceNetwork(prior.unet, prior.reduction, train_unet_decoder=train_unet_decoder)
    with torch.no_grad():
        alone = prior.unet(x["z"], x["step"], prior.context.expand(2, -1, -1)).sample
        assert torch.equal(run(network, prior, x), alone)


def test_landmarks_reach_the_output() -> None:
    prior, x = small_prior(), inputs()
    network = awaken(FaceNetwork(prior.unet, prior.reduction))
    with torch.no_grad():
        before = run(network, prior, x)
        after = run(network, prior, x | {"raster": 1 - x["raster"]})
    assert (before - after).abs().max() > 1e-3


def test_only_the_branch_learns_and_gradients_cross_the_frozen_prior() -> None:
    prior, x = small_prior(), inputs()
    network = awaken(FaceNetwork(prior.unet, prior.reduction))
    run(network, prior, x).square().mean().backward()
    assert all(parameter.grad is None for parameter in prior.parameters())
    assert all(parameter.grad is not None for parameter in network.injections.parameters())
    assert network.branch.raster_in[0].weight.grad.abs().max() > 0


def test_training_channels_last_does_not_crash() -> None:
    """Backward of a normalisation on frozen, channels-last features once ended the process."""
    prior, x = small_prior(), inputs()
    network = FaceNetwork(prior.unet, prior.reduction).to(memory_format=torch.channels_last)
    prior.to(memory_format=torch.channels_last)
    run(
        network, prior, {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in x.items()}
    ).square().mean().backward()
    assert network.injections[0].to_out.weight.grad is not None


def test_audio_replaces_the_prompt_in_the_ablation() -> None:
    prior, x = small_prior(), inputs()
    network = FaceNetwork(prior.unet, prior.reduction, condition="audio")
    with torch.no_grad():
        sounds = torch.randn(2, 2, 16, 29, generator=torch.Generator().manual_seed(3))
        out = [run(network, prior, x | {"raster": sound}) for sound in sounds]
    assert not torch.equal(*out)
    assert {name.split(".")[0] for name, _ in network.named_parameters()} == {"audio_tokens"}


def test_a_saved_network_is_the_same(tmp_path: Path) -> None:
    prior, x = small_prior(), inputs()
    network = awaken(FaceNetwork(prior.unet, prior.reduction, train_unet_decoder=True))
    network.save(tmp_path)
    with torch.no_grad():
        assert torch.equal(run(FaceNetwork.load(tmp_path, prior.unet), prior, x), run(network, prior, x))


@pytest.mark.parametrize("damage", ["missing", "truncated", "config"])
def test_a_damaged_network_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    prior = small_prior()
    FaceNetwork(prior.unet, prior.reduction).save(tmp_path)
    weights = tmp_path / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        (tmp_path / "config.json").write_text('{"colour": 1}')
    with pytest.raises(UserError, match="dvc repro") as caught:
        FaceNetwork.load(tmp_path, prior.unet)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_attention_is_local_at_first() -> None:
    """The Gaussian prior on distance: -s |p - p'|^2, up to a term constant over the keys."""
    injection = LandmarkInjection(8, 8, heads=4)
    q, k = injection._positions(3, 5, torch.device("cpu"))
    place = torch.tensor([(r, c) for r in range(3) for c in range(5)]).float()
    distance = torch.cdist(place, place).square()
    scores = (q @ k.transpose(1, 2)).softmax(-1)
    expected = (-injection.sharpness.exp().view(-1, 1, 1) * distance).softmax(-1)
    assert torch.allclose(scores, expected, atol=1e-5)


def test_attention_is_local_in_bfloat16_too() -> None:
    """At the full size's 64 x 64 positions, where plain bfloat16 would be wrong by more than a neighbour's distance."""
    injection = LandmarkInjection(8, 8, heads=4)
    q, k = injection._positions(64, 64, torch.device("cpu"))
    exact = (q.double() @ k.double().transpose(1, 2)).detach()
    rounded = (q.bfloat16().float() @ k.bfloat16().float().transpose(1, 2)).detach()
    split = [part.float().detach() for part in _split_precision(q, k, torch.bfloat16)]
    found = split[0] @ split[1].transpose(1, 2)
    assert (rounded - exact).abs().max() > 3
    assert (found - exact).abs().max() < 0.2
    assert (found.softmax(-1) - exact.softmax(-1)).abs().max() < 0.01


def test_the_network_in_bfloat16_is_that_in_float32() -> None:
    prior, x = small_prior(), inputs()
    network = awaken(FaceNetwork(prior.unet, prior.reduction))
    with torch.no_grad():
        exact = run(network, prior, x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = run(network, prior, x)
    assert found.dtype == torch.bfloat16
    assert (found - exact).abs().mean() < 0.03 * exact.abs().mean()


def test_raster_draws_each_region_in_its_channel() -> None:
    points = np.full((1, 68, 2), 0.1, np.float32)
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    points[0, 60:68] = 0.5 + 0.2 * np.stack([np.cos(angle), np.sin(angle)], -1)
    raster = rasterise(points, 64, CPU)
    assert raster.shape == (1, 5, 64, 64) and raster.max() == 1
    assert raster[0, 4, 32, 32] == 1  # the inner mouth is filled
    assert raster[0, :4, 20:, 20:].max() == 0
    # a shift of a quarter pixel is visible: lines are anti-aliased
    assert not torch.equal(rasterise(points + 0.25 / 64, 64, CPU), raster)
