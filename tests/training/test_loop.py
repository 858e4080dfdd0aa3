"""The training loop on a toy regression."""

from __future__ import annotations

import csv
import itertools
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from difftalker.compute.device import seeded
from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.training.loop import LossFunction, learning_rate, train
from difftalker.training.progress import LossHistory

CPU = torch.device("cpu")
ITEMS = 50


def make_model() -> nn.Sequential:
    with seeded(3):
        return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 1))


def make_loss(model: nn.Module, interrupt_at: int | None = None) -> LossFunction:
    inputs = torch.randn(ITEMS, 4, generator=torch.Generator().manual_seed(0))
    targets = inputs.sum(1, keepdim=True)
    calls = 0

    def loss(items: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == interrupt_at:
            os.kill(os.getpid(), signal.SIGTERM)
        noise = 0.01 * torch.randn(len(items), 1, generator=generator)
        error = (model(inputs[items]) + noise - targets[items]).square().mean()
        return {"loss": error, "level": targets[items].mean()}

    return loss


def run(
    checkpoint: Path | None = None, interrupt_at: int | None = None, seed: int = 1, **changes: float
) -> tuple[nn.Module, LossHistory]:
    settings = {"steps": 60, "batch_size": 8, "learning_rate": 0.01, "checkpoint_every": 7} | changes
    model = make_model()
    history = train(
        model,
        make_loss(model, interrupt_at),
        items=ITEMS,
        config=TrainConfig(**settings),  # type: ignore[arg-type]
        seed=seed,
        device=CPU,
        checkpoint=checkpoint,
        title="toy",
    )
    return model, history


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


def test_loss_falls_and_the_model_is_left_in_eval_mode() -> None:
    model, history = run(steps=300)
    assert history.rows[-1]["loss"] < 0.2 * history.rows[0]["loss"]
    assert not model.training


def test_same_seed_same_weights_other_seed_others() -> None:
    first, again, other = run()[0], run()[0], run(seed=2)[0]
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("step", [1, 7, 23, 60])
def test_resume_ends_in_the_same_bits(tmp_path: Path, step: int) -> None:
    checkpoint = tmp_path / "toy.pt"
    whole, history = run()
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint, interrupt_at=step)
    assert checkpoint.exists()
    resumed, resumed_history = run(checkpoint)
    assert same(whole, resumed)
    assert history.rows == resumed_history.rows
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"no checkpoint", None])
def test_of_a_damaged_checkpoint_the_one_before_is_used(
    tmp_path: Path, damage: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed between two renames, or a bad disk: one interval is lost, and no more."""
    checkpoint = tmp_path / "toy.pt"
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint, interrupt_at=23)
    if damage is None:
        checkpoint.unlink()
    else:
        checkpoint.write_bytes(damage)
    capsys.readouterr()
    model, _ = run(checkpoint)
    said = capsys.readouterr().err
    assert same(model, run()[0])
    assert said.count("it is not used") == (damage is not None)
    assert "toy: step 24/60" in said and "toy: step 18/60" not in said  # went on from step 21
    assert not list(tmp_path.iterdir())


def test_resume_after_a_hard_kill_starts_from_the_last_regular_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "toy.pt"
    model = make_model()
    inner = make_loss(model)
    calls = 0

    def loss(items: Tensor, generator: torch.Generator) -> Tensor | dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise MemoryError
        return inner(items, generator)

    config = TrainConfig(steps=60, batch_size=8, learning_rate=0.01, checkpoint_every=7)
    with pytest.raises(MemoryError):
        train(model, loss, items=ITEMS, config=config, seed=1, device=CPU, checkpoint=checkpoint, title="toy")
    assert torch.load(checkpoint, weights_only=True)["step"] == 14
    assert same(run(checkpoint)[0], run()[0])


def test_broken_checkpoint_is_ignored_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "toy.pt"
    checkpoint.write_bytes(b"no checkpoint")
    model, _ = run(checkpoint)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1 and str(checkpoint) in warnings[0]
    assert same(model, run()[0])


def test_checkpoint_of_other_settings_is_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "toy.pt"
    with pytest.raises(KeyboardInterrupt):
        run(checkpoint, interrupt_at=30, learning_rate=0.02)
    model, _ = run(checkpoint)
    assert "belongs to another training" in capsys.readouterr().err
    assert same(model, run()[0])


def test_frozen_parameters_stay() -> None:
    model = make_model()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    config = TrainConfig(steps=5, batch_size=8, learning_rate=0.1)
    train(model, make_loss(model), items=ITEMS, config=config, seed=0, device=CPU, checkpoint=None, title="toy")
    assert torch.equal(model[0].weight, before)
    assert not torch.equal(model[4].weight, make_model()[4].weight)


def test_result_is_the_average_of_weights_and_statistics() -> None:
    """Against a plain loop with the documented decay."""
    config = TrainConfig(steps=6, batch_size=ITEMS, learning_rate=0.01, ema_decay=0.15, warmup_steps=2, clip_norm=0.5)
    inputs = torch.randn(ITEMS, 4, generator=torch.Generator().manual_seed(0))

    def build() -> nn.Sequential:
        with seeded(5):
            return nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3))

    model = build()
    train(
        model,
        lambda items, _: model(inputs[items.sort().values]).square().mean() + model[0].weight.square().sum(),
        items=ITEMS,
        config=config,
        seed=0,
        device=CPU,
        checkpoint=None,
        title="toy",
    )
    plain = build()
    optimiser = torch.optim.Adam(plain.parameters())
    average = {name: value.clone() for name, value in plain.state_dict().items()}
    for step in range(6):
        warm = (step + 1) / 2 if step < 2 else (1 + math.cos(math.pi * (step - 2) / 4)) / 2
        optimiser.param_groups[0]["lr"] = 0.01 * warm
        optimiser.zero_grad()
        (plain(inputs).square().mean() + plain[0].weight.square().sum()).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimiser.step()
        decay = min(0.15, (1 + step) / (10 + step))
        for name, value in plain.state_dict().items():
            average[name] = decay * average[name] + (1 - decay) * value if value.is_floating_point() else value
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, average[name].to(value.dtype), rtol=1e-4, atol=1e-6)


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    config = TrainConfig(steps=100, batch_size=1, learning_rate=0.1, warmup_steps=10)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.01) and rates[9] == pytest.approx(0.1) and rates[10] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert rates[55] == pytest.approx(0.05) and 0 < rates[99] < 1e-4
    assert learning_rate(2, TrainConfig(steps=3, batch_size=1, learning_rate=0.1, warmup_steps=10)) == pytest.approx(
        0.1
    )


def test_loss_that_is_not_finite_names_step_and_key() -> None:
    model = nn.Linear(1, 1)
    config = TrainConfig(steps=5, batch_size=1, learning_rate=0.5)

    def loss(items: Tensor, generator: torch.Generator) -> Tensor:
        return model(torch.full((1, 1), math.inf)).sum()

    with pytest.raises(UserError, match=r"toy.*step 1; lower .*learning_rate \(now 0\.5\)"):
        train(model, loss, items=1, config=config, seed=0, device=CPU, checkpoint=None, title="toy")


def test_global_generator_is_left_as_it_was() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    run(steps=3)
    assert torch.equal(torch.rand(1), expected)


def test_history_means_over_intervals_and_csv(tmp_path: Path) -> None:
    history = LossHistory(steps=250)  # intervals of 2 steps
    for step in range(1, 251):
        history.add(step, {"loss": float(step), "part": 1.0})
    assert history.rows[0] == {"step": 2, "loss": 1.5, "part": 1.0}
    assert len(history.rows) == 125
    history.write_loss(tmp_path / "loss.csv")
    with (tmp_path / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1] == {"step": "250", "loss": "249.5", "part": "1"}
