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
    features: Tensor | None = None,
    audio_noise: float = 0.1,
    mixup: float = 0.0,
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
        mixup=mixup,
        resting_share=resting_share,
        opening_weight=opening_weight,
        train=TrainConfig(steps=steps, batch_size=32, learning_rate=0.005, ema_decay=0.9),
    )
    given, sound = speaker(300, 0)
    return train_landmarks(
        given if points is None else points,
        sound if features is None else features,
        [np.arange(300)],
        config,
        seed=seed,
        device=CPU,
        checkpoint=None,
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


def test_mixup_makes_the_mouth_linear_between_known_sounds() -> None:
    """Two sounds are known, of an open and of a closed mouth; a sound half-way opens the mouth half-way."""
    points, features = speaker(300, 0)
    opened = features.mean((1, 2)) > 0.5
    sound = opened[:, None, None] + 0.02 * torch.randn(features.shape, generator=torch.Generator().manual_seed(5))
    points[:, MOUTH] = points[:, [NOSE_BASE]] + 0.1  # closed
    points[opened, MOUTH[-1], 1] += 0.05
    heads = points[:1].numpy().repeat(3, 0)
    heard = np.broadcast_to(np.float32([0.0, 0.5, 1.0])[:, None, None], (3, 16, 29))

    def half_way(mixup: float) -> float:
        gaps = complete(fit("am", points=points, features=sound, mixup=mixup), heads, heard)[:, MOUTH[-1], 1]
        return float((gaps[1] - gaps[0]) / (gaps[2] - gaps[0]))

    assert abs(half_way(1.0) - 0.5) < 0.1
    assert abs(half_way(0.0) - 0.5) > 0.1  # else this says nothing


def test_mixup_knows_that_heads_differ() -> None:
    """What is mixed in lies on the same head: heads that move apart blur nothing."""
    assert error(fit("am", mixup=1.0, steps=300)) < 0.004


def test_same_seed_same_weights() -> None:
    one, again, other = fit("am", steps=3), fit("am", steps=3), fit("am", steps=3, seed=1)
    same = [torch.equal(value, again.state_dict()[name]) for name, value in one.state_dict().items()]
    assert all(same)
    assert not torch.equal(one.point, other.point)
