"""Passes of a step, gradient checkpointing, compilation and what is said when memory is not enough."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from difftalker.compute.device import seeded
from difftalker.config import FaceConfig, TrainConfig
from difftalker.errors import UserError
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.training import train_face
from difftalker.training.loop import train
from tests.painting.small_prior import SIZE, TRAIN, small_prior

CPU = torch.device("cpu")
FACE = FaceConfig(
    condition="landmarks", decoder="prior", train_unet_decoder=True, landmark_noise=0.0, mouth_weight=4.0, train=TRAIN
)


def toy(config: TrainConfig, checkpoint: Path | None = None, fails_at: int | None = None) -> nn.Module:
    with seeded(3):
        model = nn.Linear(4, 1)
    inputs = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
    calls = 0

    def loss(items: Tensor, generator: torch.Generator) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return (model(inputs[items]) - inputs[items].sum(1, keepdim=True)).square().mean()

    train(model, loss, items=24, config=config, seed=1, device=CPU, checkpoint=checkpoint, title="face")
    return model


def face(config: FaceConfig) -> FaceNetwork:
    prior, random = small_prior(), np.random.default_rng(0)
    with seeded(0):
        network = FaceNetwork(
            prior.unet, prior.reduction, condition=config.condition, train_unet_decoder=config.train_unet_decoder
        )
    latents = random.normal(size=(2, 6, 4, SIZE // 8, SIZE // 8)).astype(np.float16)
    points = random.uniform(0.2, 0.8, (6, 68, 2)).astype(np.float32)
    sound = random.normal(size=(6, 16, 29)).astype(np.float32)
    train_face(network, prior, *latents, points, sound, config, seed=0, device=CPU, checkpoint=None)
    return network


def same(one: nn.Module, other: nn.Module, tolerance: float = 0.0) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=tolerance) for a, b in pairs)


def test_passes_of_half_the_size_are_one_whole_batch() -> None:
    whole = TrainConfig(steps=8, batch_size=6, learning_rate=0.01)
    assert same(toy(whole), toy(replace(whole, batch_size=3, accumulate=2)), 1e-6)
    assert same(toy(whole), toy(replace(whole, batch_size=1, accumulate=6)), 1e-6)
    assert not same(toy(whole), toy(replace(whole, accumulate=2)), 1e-6)


def test_resume_with_passes_ends_in_the_same_bits(tmp_path: Path) -> None:
    config = replace(FACE.train, steps=8, batch_size=2, accumulate=3, checkpoint_every=3)
    checkpoint = tmp_path / "toy.pt"
    with pytest.raises(UserError):
        toy(config, checkpoint, fails_at=14)
    assert torch.load(checkpoint, weights_only=True)["step"] == 3
    assert same(toy(config, checkpoint), toy(config))


def test_out_of_memory_names_the_keys_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    config = TrainConfig(steps=20, batch_size=8, learning_rate=0.01, checkpoint_every=4)
    checkpoint = tmp_path / "toy.pt"
    with pytest.raises(UserError) as caught:
        toy(config, checkpoint, fails_at=11)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("out of memory on the GPU (CUDA out of memory)")
    assert "face.train.batch_size (now 8) to 4 and set face.train.accumulate to 2" in message
    assert "face.train.gradient_checkpointing: true" in message
    assert torch.load(checkpoint, weights_only=True)["step"] == 8
    assert same(toy(config, checkpoint), toy(config))


def test_advice_leaves_out_what_is_done_already() -> None:
    config = TrainConfig(steps=2, batch_size=1, learning_rate=0.01)
    with pytest.raises(UserError) as caught:
        toy(config, fails_at=1)
    assert "batch_size" not in str(caught.value) and "video.size" in str(caught.value)


def test_the_cpu_s_allocator_is_understood_and_other_errors_pass() -> None:
    from difftalker.compute.memory import explain_out_of_memory

    with pytest.raises(UserError, match="lower it"), explain_out_of_memory("lower it"):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")
    with pytest.raises(RuntimeError, match="shape"), explain_out_of_memory("lower it"):
        raise RuntimeError("shape mismatch")


@pytest.mark.parametrize("condition", ["landmarks", "audio"])
def test_checkpointing_changes_nothing_but_memory(condition: str) -> None:
    config = replace(FACE, condition=condition)
    assert same(face(config), face(replace(config, train=replace(TRAIN, gradient_checkpointing=True))))


def test_checkpointing_keeps_less() -> None:
    """What autograd saves for the backward pass, in numbers."""
    prior = small_prior()
    network = FaceNetwork(prior.unet, prior.reduction, train_unet_decoder=True)

    def saved() -> int:
        sizes: list[int] = []

        def count(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            latents = torch.zeros(2, 4, SIZE // 8, SIZE // 8)
            raster = torch.zeros(2, 5, SIZE, SIZE)
            network(latents, torch.zeros(2).long(), network.encode_condition(latents, raster, prior.context))
        return sum(sizes)

    before = saved()
    network.enable_gradient_checkpointing()
    assert saved() < 0.5 * before


def test_a_network_without_checkpointing_says_so() -> None:
    with pytest.raises(UserError, match=r"face\.train\.gradient_checkpointing = true: .*set it to false"):
        toy(TrainConfig(steps=2, batch_size=1, learning_rate=0.01, gradient_checkpointing=True))


def test_compilation_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiler's front end, which traces the network; its code generator would take minutes here."""
    compiled: list[nn.Module] = []
    original = nn.Module.compile

    def trace(module: nn.Module) -> None:
        compiled.append(module)
        original(module, backend="eager")

    monkeypatch.setattr(nn.Module, "compile", trace)
    config = replace(FACE, train_unet_decoder=False, train=replace(TRAIN, steps=1))
    expected = face(config)
    found = face(replace(config, train=replace(config.train, compile=True)))
    assert [type(module).__name__ for module in compiled] == ["LandmarkBranch", "FaceNetwork"]
    assert same(found, expected, 1e-5)
