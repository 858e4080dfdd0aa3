"""Training of the reference decoder on a small speaker: it learns, ends alike after an interruption, reads no leak."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from difftalker.compute.device import seeded
from difftalker.config import DecoderConfig, TrainConfig
from difftalker.painting.decoder.losses import absolute_error
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.decoder.training import measure_grain, train_decoder
from difftalker.painting.jaw_mask import jaw_mask
from tests.painting.decoder.test_references import mouths

SIZE, FRAMES = 64, 24
OPENINGS = np.linspace(0, 0.1, FRAMES)
POINTS = mouths(OPENINGS)
CPU = torch.device("cpu")


def crops() -> np.ndarray:
    """A face whose mouth is a dark bar in a place of its own, which no warp of the references shows."""
    texture = np.random.default_rng(0).integers(120, 130, (SIZE, SIZE, 3))
    images = np.tile(texture, (FRAMES, 1, 1, 1))
    for image in images[1:-1]:
        image[44:50, 26:38] = 30
    return images.astype(np.uint8)


def config(steps: int, adversarial: float) -> DecoderConfig:
    train = TrainConfig(
        steps=steps, batch_size=4, learning_rate=0.004, warmup_steps=2, ema_decay=0.9, checkpoint_every=4
    )
    return DecoderConfig(2, 8, 1.0, 1.0, adversarial, 0.002, train)


def fresh() -> ReferenceDecoder:
    images = crops()
    chosen = np.array([0, FRAMES - 1])
    with seeded(0):
        network = ReferenceDecoder(SIZE, 2, 8)
    network.set_references(images[chosen], POINTS[chosen])
    return network


def trained(steps: int = 12, adversarial: float = 0.02, checkpoint: Path | None = None) -> ReferenceDecoder:
    network = fresh()
    generated = np.full((FRAMES, network.height, SIZE, 3), 128, np.uint8)
    train_decoder(
        network, crops(), generated, POINTS, config(steps, adversarial), seed=0, device=CPU, checkpoint=checkpoint
    )
    return network


@torch.no_grad()
def error(network: ReferenceDecoder) -> float:
    images = crops()
    grey = torch.zeros(FRAMES, 3, network.height, SIZE)
    painted = network.eval()(grey, *network.inputs_of(images, POINTS))
    true = torch.from_numpy(images).permute(0, 3, 1, 2)[:, :, SIZE - network.height :] / 127.5 - 1
    mask = torch.from_numpy(jaw_mask(POINTS, SIZE)[:, None, SIZE - network.height :])
    return float(absolute_error(painted, true, mask))


@pytest.mark.parametrize("adversarial", [0.0, 0.02])
def test_it_learns(adversarial: float) -> None:
    assert error(trained(60, adversarial)) < 0.9 * error(fresh())


def test_the_same_seed_gives_the_same_weights_also_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained().state_dict()
    from difftalker.painting.decoder import training

    calls = 0
    original = training.perturb

    def interrupted(*arguments: object) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "perturb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint=tmp_path / "checkpoint.pt")
    monkeypatch.setattr(training, "perturb", original)
    assert (tmp_path / "checkpoint.pt").exists()
    resumed = trained(checkpoint=tmp_path / "checkpoint.pt").state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_the_discriminator_teaches_and_is_not_moved_by_the_decoder_s_part() -> None:
    """With the adversarial weight, the decoder ends elsewhere; the references stay what they were."""
    plain, judged = trained(adversarial=0.0), trained()
    assert not torch.equal(plain.conv_in.weight, judged.conv_in.weight)
    assert torch.equal(judged.reference_images, fresh().reference_images)
    assert torch.equal(judged.reference_landmarks, fresh().reference_landmarks)


def test_grain_is_measured_on_successive_frames() -> None:
    """Noise of footage that the network cannot know is put back; frames that do not follow each other tell nothing."""
    network = fresh().eval()
    generated = np.full((FRAMES, network.height, SIZE, 3), 128, np.uint8)
    noise = 6 * np.random.default_rng(1).normal(size=(FRAMES, SIZE, SIZE, 1))
    noisy = np.clip(np.rint(crops() + noise), 0, 255).astype(np.uint8)
    runs = [np.arange(FRAMES)]
    assert measure_grain(network, noisy, generated, POINTS, runs, CPU) > 2.0
    assert measure_grain(network, noisy, generated, POINTS, [np.arange(2)], CPU) == 0.0
