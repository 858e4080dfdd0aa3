from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.stable_diffusion import SIZE as SD_SIZE
from difftalker.config import FaceConfig
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior_training import train_prior
from difftalker.painting.diffusion.stable_diffusion import import_prior
from difftalker.painting.diffusion.training import mouth_weight, perturb, train_face
from tests.painting.small_prior import CONFIG, SIZE, TRAIN, crops, small_prior
from tests.painting.tiny_diffusion import write_model

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
FACE = FaceConfig(
    condition="landmarks",
    decoder="prior",
    train_unet_decoder=False,
    landmark_noise=0.002,
    mouth_weight=4.0,
    train=TRAIN,
)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_training_fits_the_autoencoder_to_the_footage(tmp_path: Path) -> None:
    prior = small_prior()
    before, images = weights(prior.vae), 255 - crops() // 2

    def error() -> float:
        return float(np.abs(prior.reconstruct(images).astype(float) - images)[:, SIZE // 2 :].mean())

    wrong = error()
    history = train_prior(prior, images, CONFIG, seed=0, device=CPU, scratch=tmp_path)["unet"]
    assert not same(weights(prior.vae), before) and error() < wrong
    assert history.rows[-1]["step"] == TRAIN.steps
    assert not any(parameter.requires_grad for parameter in prior.parameters())


def test_the_prior_learns_to_denoise(tmp_path: Path) -> None:
    longer = replace(TRAIN, steps=60, batch_size=6, learning_rate=0.01, ema_decay=0.9)
    config = replace(CONFIG, unet=replace(CONFIG.unet, train=longer))
    rows = train_prior(small_prior(), crops(), config, seed=0, device=CPU, scratch=tmp_path)["unet"].rows
    assert np.mean([row["loss"] for row in rows[-10:]]) < 0.5 * np.mean([row["loss"] for row in rows[:10]])


@pytest.mark.parametrize("condition", ["landmarks", "audio"])
def test_face_training_leaves_the_prior_alone(condition: str) -> None:
    prior = small_prior()
    config = replace(FACE, condition=condition)
    network = FaceNetwork(prior.unet, prior.reduction, condition=config.condition)
    frozen, before = weights(prior), weights(network)
    latents = RANDOM.normal(size=(2, 6, 4, SIZE // 8, SIZE // 8)).astype(np.float16)
    points = RANDOM.uniform(0.2, 0.8, (6, 68, 2)).astype(np.float32)
    sound = RANDOM.normal(size=(6, 16, 29)).astype(np.float32)
    train_face(network, prior, *latents, points, sound, config, seed=0, device=CPU, checkpoint=None)
    assert same(weights(prior), frozen)
    assert not same(weights(network), before)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_copied_decoder_of_stable_diffusion_s_blocks_can_be_trained(
    tmp_path: Path, layout: torch.memory_format
) -> None:
    """Its first normalisation is trained on frozen features, which once ended the process where channels came last."""
    prior = import_prior(str(write_model(tmp_path / "model", with_text=False)), "", SD_SIZE).float()
    prior.to(memory_format=layout)
    config = replace(FACE, train_unet_decoder=True)
    network = FaceNetwork(prior.unet, prior.reduction, train_unet_decoder=True).to(memory_format=layout)
    frozen, before = weights(prior), weights(network)
    latents = RANDOM.normal(size=(2, 4, 4, SD_SIZE // 8, SD_SIZE // 8)).astype(np.float16)
    points = RANDOM.uniform(0.2, 0.8, (4, 68, 2)).astype(np.float32)
    sound = RANDOM.normal(size=(4, 16, 29)).astype(np.float32)
    train_face(network, prior, *latents, points, sound, config, seed=0, device=CPU, checkpoint=None)
    assert same(weights(prior), frozen)
    changed = [name for name, value in weights(network).items() if not torch.equal(value, before[name])]
    assert any(name.startswith("up_blocks.0.resnets.0.norm1") for name in changed)


def test_perturbation_moves_completed_points_only() -> None:
    points = np.zeros((50, 68, 2), np.float32)
    moved = perturb(points, 0.01, torch.Generator().manual_seed(0))
    changed = np.flatnonzero((moved != 0).any((0, 2)))
    assert changed.tolist() == [*range(4, 13), *range(48, 68)]
    assert moved[:, changed].std() == pytest.approx(0.01, rel=0.1)
    assert not points.any()


def test_the_mouth_s_positions_weigh_more() -> None:
    points = np.full((1, 68, 2), 0.5, np.float32)
    points[0, 48:] = [0.55, 0.8]  # a point: with the margin, x 0.52-0.58 and y 0.77-0.83
    weight = mouth_weight(points, 8, 8, 5.0)
    assert weight.shape == (1, 1, 8, 8)
    assert weight[0, 0].eq(5).nonzero().tolist() == [[6, 4]]
