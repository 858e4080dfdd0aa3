"""A small training that a test runs as a command, in as many processes as it says.

python -m tests.training.toy_processes OUT COUNT BATCH ACCUMULATE [FAULT]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from difftalker.compute.device import seeded
from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.training.loop import LossFunction, train
from difftalker.training.processes import Processes, cooperate

CPU = torch.device("cpu")
ITEMS, STEPS = 50, 12


def main(out: Path, count: int, batch: int, accumulate: int, fault: str = "") -> None:
    """Train once, and once more where a fault is asked for: in a step of this second training."""
    checkpoint = out.with_suffix(".pt")
    config = TrainConfig(
        steps=STEPS, batch_size=batch, accumulate=accumulate, learning_rate=0.01, checkpoint_every=5, ema_decay=0.5
    )

    def run(processes: Processes, fault: str) -> dict[str, Tensor]:
        with seeded(3):
            model = nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 1))
        history = train(
            model,
            toy_loss(model, processes, fault),
            items=ITEMS,
            config=config,
            seed=1,
            device=CPU,
            checkpoint=checkpoint,
            title="face",
            processes=processes,
        )
        return model.state_dict() | {"losses": torch.tensor([row["loss"] for row in history.rows])}

    with cooperate(count, CPU) as processes:
        result = run(processes, "")
        if processes.is_first:
            save_file(result, out)
        if fault:
            run(processes, fault)
    with out.with_suffix(".end").open("xb"):  # fails if a helper comes here, too
        pass


def toy_loss(model: nn.Module, processes: Processes, fault: str) -> LossFunction:
    inputs = torch.randn(ITEMS, 4, generator=torch.Generator().manual_seed(0))
    calls = 0

    def loss(items: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 8 and fault == "helper" and not processes.is_first:
            raise UserError("the helper's own mistake")
        if calls == 8 and fault == "interrupt" and processes.is_first:
            os.kill(os.getpid(), signal.SIGTERM)
        noise = 0.1 * torch.randn(len(items), 1, generator=generator)
        error = (model(inputs[items]) + noise - inputs[items].sum(1, keepdim=True)).square().mean()
        return {"loss": error, "mean": inputs[items].mean()}

    return loss


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), *sys.argv[5:])
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
