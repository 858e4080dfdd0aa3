"""Training of landmark completion on an invented speaker whose mouth opens with the loudness."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from difftalker.completion.head_frame import mean_face_on_heads
from difftalker.completion.network import AudioFusion, LandmarkCompletion, complete
from difftalker.completion.training import COMPLETED_POINTS, train_landmarks
from difftalker.config import LandmarksConfig, TrainConfig
from difftalker.face.topology import MOUTH, NOSE_BASE

CPU = torch.device("cpu")
TELLING = [0, 1, 2, 14, 15, 16]  # upper ends of the contour


def speaker(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Landmarks (count, 68, 2) with head motion, and features (count, 16, 29) that carry the opening."""
    generator = torch.Generator().manual_seed(seed)
    shape = torch.rand(68, 2, generator=torch.Generator().manual_seed(99)) * 0.5 + 0.2
    opening = torch.rand(count, generator=generator)
    points = shape.expand(count, -1, -1).clone()
    points[:, MOUTH, 1] += 0.05 * opening[:, None] * torch.linspace(-1, 1, 20)
    points += 0.02 * torch.randn(count, 1, 2, generator=generator)
    features = opening[:, None, None] + 0.1 * torch.randn(count, 16, 29, generator=generator)
    return points, features


def fit(
    audio_fusion: AudioFusion,
    steps: int = 200,
    seed: int = 0,
    resting_share: float = 0.5,
    points: Tensor | None = None,
    audio_noise: float = 0.1,
    opening_weight: float = 0.0,
) -> LandmarkCompletion:
    config = LandmarksConfig(
        audio_fusion=audio_fusion,
        dim=16,
        heads=2,
        layers=1,
        dropout=0.0,
        landmark_noise=0.0005,
        audio_noise=audio_noise,
        resting_share=resting_share,
        opening_weight=opening_weight,
        train=TrainConfig(steps=steps, batch_size=32, learning_rate=0.005, ema_decay=0.9),
    )
    given, features = speaker(300, 0)
    return train_landmarks(
        given if points is None else points, features, [np.arange(300)], config, seed=seed, device=CPU, checkpoint=None
    )[0]


def error(model: LandmarkCompletion) -> float:
    points, features = speaker(100, 1)
    completed = complete(model, points.numpy(), features.numpy())
    return float(np.linalg.norm(completed - points.numpy(), axis=-1)[:, COMPLETED_POINTS].mean())


def test_sound_is_learnt_and_needed() -> None:
    heard, deaf = error(fit("am")), error(fit("none"))
    assert heard < 0.004
    assert deaf > 2 * heard


def test_mouth_follows_the_sound_under_foreign_upper_points() -> None:
    """The paper's mismatch test."""
    model = fit("am")
    points, features = speaker(100, 1)
    order = np.roll(np.arange(100), 37)
    crossed = complete(model, points.numpy(), features.numpy()[order])
    truth = points.numpy()[order]
    mouth, wanted = (each[:, MOUTH] - each[:, NOSE_BASE, None] for each in (crossed, truth))
    assert np.linalg.norm(mouth - wanted, axis=-1).mean() < 0.004


def test_the_sound_moves_the_mouth_of_a_face_at_rest() -> None:
    """Upper points that tell of the opening are not relied on where they rest, as they do when a face is driven."""

    def telling(count: int, seed: int) -> tuple[Tensor, Tensor]:
        points, features = speaker(count, seed)
        opening = points[:, MOUTH[-1], 1] - points[:, MOUTH[0], 1]
        points[:, TELLING, 1] += opening[:, None]
        return points, features

    def heard(share: float) -> float:
        model = fit("am", resting_share=share, points=telling(300, 0)[0])
        points, features = telling(100, 1)
        resting = mean_face_on_heads(points.numpy(), model.mean_shape.numpy())
        mouth = complete(model, resting, features.numpy())[:, MOUTH, 1]
        truth = points.numpy()[:, MOUTH, 1]
        return float((mouth[:, -1] - mouth[:, 0]).std() / (truth[:, -1] - truth[:, 0]).std())

    assert heard(0.5) > 0.5
    assert heard(0.0) < 0.4


def test_same_seed_same_weights() -> None:
    one, again, other = fit("am", steps=3), fit("am", steps=3), fit("am", steps=3, seed=1)
    same = [torch.equal(value, again.state_dict()[name]) for name, value in one.state_dict().items()]
    assert all(same)
    assert not torch.equal(one.point, other.point)
