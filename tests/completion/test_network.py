"""Landmark completion: where the sound may reach, geometry, storage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from difftalker.completion.network import AudioFusion, LandmarkCompletion, complete
from difftalker.compute.device import seeded
from difftalker.errors import UserError
from difftalker.face.topology import CONDITION, CONTOUR, MOUTH


def shapes(count: int, seed: int = 0) -> Tensor:
    """Landmarks around one shape, (count, 68, 2)."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.rand(68, 2, generator=torch.Generator().manual_seed(99))
    return base + 0.01 * torch.randn(count, 68, 2, generator=generator)


def sounds(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 16, 29, generator=torch.Generator().manual_seed(seed))


def make(audio_fusion: AudioFusion = "am", layers: int = 1) -> LandmarkCompletion:
    with seeded(0):
        model = LandmarkCompletion(16, 2, layers, audio_fusion, dropout=0.1)
    model.fit(shapes(30), sounds(30))
    return model.eval()


@torch.no_grad()
def test_sound_moves_the_mouth_and_nothing_else() -> None:
    model, condition = make(layers=2), shapes(4)[:, CONDITION]
    one, other = model(condition, sounds(4, seed=1)), model(condition, sounds(4, seed=2))
    assert torch.equal(one.contour, other.contour)
    assert torch.equal(one.base_mouth, other.base_mouth)
    assert (one.mouth != other.mouth).all()


@torch.no_grad()
@pytest.mark.parametrize(("audio_fusion", "heard"), [("am", True), ("bm", True), ("none", False)])
def test_ablations(audio_fusion: AudioFusion, heard: bool) -> None:
    model, condition = make(audio_fusion), shapes(4)[:, CONDITION]
    one, other = model(condition, sounds(4, seed=1)), model(condition, sounds(4, seed=2))
    assert torch.equal(one.contour, other.contour)
    assert torch.equal(one.mouth, other.mouth) != heard
    assert torch.equal(one.mouth, one.base_mouth) == (audio_fusion != "am")


def test_loss_of_the_predicted_points_trains_every_part() -> None:
    model = make(layers=2)
    result = model(shapes(4)[:, CONDITION], sounds(4))
    assert (result.contour.shape, result.base_mouth.shape, result.mouth.shape) == ((4, 9, 2), (4, 20, 2), (4, 20, 2))
    (result.contour.square().sum() + result.mouth.square().sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-1.5, 1.5), size=st.floats(0.3, 3.0), x=st.floats(-2, 2), y=st.floats(-2, 2))
def test_prediction_moves_with_the_head(angle: float, size: float, x: float, y: float) -> None:
    """Turned, scaled and moved condition points give a mouth that is turned, scaled and moved."""
    model, condition, features = make().double(), shapes(3)[:, CONDITION].double(), sounds(3).double()
    turn = size * torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    move = torch.tensor([x, y], dtype=torch.float64)
    with torch.no_grad():
        plain, moved = model(condition, features), model(condition @ turn + move, features)
    for name in ("contour", "base_mouth", "mouth"):
        torch.testing.assert_close(getattr(moved, name), getattr(plain, name) @ turn + move, rtol=1e-5, atol=1e-5)


def test_token_order_is_known() -> None:
    """Exchanging two condition points is another face, not the same one."""
    model, condition = make(), shapes(1)[:, CONDITION]
    exchanged = condition.clone()
    exchanged[:, [0, 1]] = condition[:, [1, 0]]
    with torch.no_grad():
        assert not torch.allclose(model(condition, sounds(1)).mouth, model(exchanged, sounds(1)).mouth)


def test_complete_keeps_the_given_points_and_reads_no_other() -> None:
    model = make()
    landmarks, features = shapes(7).numpy(), sounds(7).numpy()
    result = complete(model, landmarks, features)
    assert result.shape == (7, 68, 2) and result.dtype == np.float32
    np.testing.assert_array_equal(result[:, CONDITION], landmarks[:, CONDITION])
    hidden = landmarks.copy()
    hidden[:, np.r_[CONTOUR, MOUTH]] = np.nan
    np.testing.assert_array_equal(complete(model, hidden, features), result)
    with torch.no_grad():
        direct = model(torch.from_numpy(landmarks[:, CONDITION]), torch.from_numpy(features))
    np.testing.assert_array_equal(result[:, MOUTH], direct.mouth.numpy())
    np.testing.assert_array_equal(result[:, CONTOUR], direct.contour.numpy())


def test_batch_size_does_not_matter() -> None:
    model, landmarks, features = make(), shapes(9).numpy(), sounds(9).numpy()
    np.testing.assert_allclose(
        complete(model, landmarks, features, batch_size=2), complete(model, landmarks, features), atol=1e-6
    )


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    model = make("bm", layers=2)
    model.save(tmp_path / "model")
    loaded = LandmarkCompletion.load(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"config.json", "model.safetensors"}
    landmarks, features = shapes(3).numpy(), sounds(3).numpy()
    np.testing.assert_array_equal(complete(loaded, landmarks, features), complete(model, landmarks, features))


def test_missing_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro"):
        LandmarkCompletion.load(tmp_path)
