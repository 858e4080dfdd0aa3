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

from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.training.loop import train
from difftalker.training.processes import cooperating
from difftalker.training.seeds import seeded

ITEMS, STEPS = 50, 12


def main(out: Path, count: int, batch: int, accumulate: int, fault: str = "") -> None:
    with seeded(3):
        model = nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 1))
    inputs = torch.randn(ITEMS, 4, generator=torch.Generator().manual_seed(0))
    helper = os.environ.get("RANK", "0") != "0"
    calls = 0

    def loss(items: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        nonlocal calls
        calls += 1
        if calls == 8 and fault == "helper" and helper:
            raise UserError("the helper's own mistake")
        if calls == 8 and fault == "first" and not helper:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. More words.")
        if calls == 8 and fault == "interrupt" and not helper:
            os.kill(os.getpid(), signal.SIGTERM)
        noise = 0.1 * torch.randn(len(items), 1, generator=generator)
        error = (model(inputs[items]) + noise - inputs[items].sum(1, keepdim=True)).square().mean()
        return {"loss": error, "mean": inputs[items].mean()}

    config = TrainConfig(
        steps=STEPS, batch_size=batch, accumulate=accumulate, learning_rate=0.01, checkpoint_every=5, ema_decay=0.5
    )
    checkpoint = out.with_suffix(".pt")
    with cooperating(count, torch.device("cpu")) as processes:
        history = train(
            model,
            loss,
            items=ITEMS,
            config=config,
            seed=1,
            device=torch.device("cpu"),
            checkpoint=checkpoint,
            title="face",
            processes=processes,
        )
    with out.open("xb"):  # fails if a helper comes here, too
        pass
    save_file(model.state_dict() | {"losses": torch.tensor([row["loss"] for row in history.rows])}, out)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), *sys.argv[5:])
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
