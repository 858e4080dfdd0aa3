"""The one training loop of all networks: Adam, warm-up and cosine, clipping, EMA, checkpoints, resume."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.training.checkpoint import load_checkpoint, save_checkpoint
from difftalker.training.ema import Ema, trained_tensors
from difftalker.training.history import History
from difftalker.training.interrupt import InterruptFlag
from difftalker.training.progress import Progress
from difftalker.training.sampler import Sampler
from difftalker.training.seeds import seeded

Loss = Callable[[Tensor, torch.Generator], Tensor | dict[str, Tensor]]


def learning_rate(step: int, config: TrainConfig) -> float:
    """Rate of step `step` (from 0): linear warm-up, then a cosine to zero at the last step."""
    warm = min(config.warmup_steps, config.steps)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / (config.steps - warm)))


def train(
    model: nn.Module,
    loss: Loss,
    *,
    items: int,
    config: TrainConfig,
    seed: int,
    device: torch.device,
    checkpoint: Path | None,
    title: str,
) -> History:
    """Train the parameters of `model` that require gradients.

    Afterwards the model holds the averaged (EMA) weights, on `device`, in eval mode. The forward pass runs in bfloat16
    autocast on CUDA only. On the CPU, a training that was interrupted and resumed ends in the same weights, bit for
    bit, as one that was not.

    Args:
        model: network, moved to `device` and put in train mode (frozen parts that must stay in eval mode override
            `train`).
        loss: gives the loss of a batch: called with item indices (batch,) int64 and the generator for all of its own
            random draws, both on the CPU. A scalar, or a dict of scalars with the key `loss` and parts to log.
        items: number of items that the indices run over.
        config: steps, batch size, rate and so on.
        seed: decides shuffling, the loss's generator and the global generators (dropout).
        device: where to train.
        checkpoint: file to save to every `config.checkpoint_every` steps and to go on from; removed at the end. None
            saves nothing.
        title: what is trained, for messages.

    Returns:
        Losses per logging interval.

    Raises:
        UserError: the loss is not finite.
        KeyboardInterrupt: Ctrl-C or SIGTERM came between two steps; the checkpoint is saved.
    """
    model.to(device).train()
    with seeded(seed), InterruptFlag() as interrupt:
        run = _Run(model, items, config, seed, device)
        if checkpoint is not None:
            run.resume(checkpoint)
        progress = Progress(title, run.step, config.steps)
        try:
            while run.step < config.steps:
                value = run.advance(loss, title)
                progress.update(run.step, value)
                due = run.step % config.checkpoint_every == 0 and run.step < config.steps
                if checkpoint is not None and (due or interrupt.raised):
                    save_checkpoint(checkpoint, run.state())
                if interrupt.raised:
                    raise KeyboardInterrupt
        finally:
            progress.close()
    run.ema.copy_to(model)
    model.eval()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return run.history


class _Run:
    """All that changes from step to step."""

    def __init__(self, model: nn.Module, items: int, config: TrainConfig, seed: int, device: torch.device) -> None:
        self.model, self.config, self.device = model, config, device
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, fused=True)
        self.ema = Ema(model, config.ema_decay)
        self.sampler = Sampler(items, config.batch_size, seed)
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.history = History(config.steps)
        self.step = 0
        self._identity = {"config": dataclasses.asdict(config), "items": items, "seed": seed}

    def advance(self, loss: Loss, title: str) -> float:
        """One optimiser step; returns its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            result = loss(self.sampler.next(), self.generator)
        parts = result if isinstance(result, dict) else {"loss": result}
        values = {name: float(part.detach()) for name, part in parts.items()}
        if not math.isfinite(values["loss"]):
            raise UserError(
                f"{title}: the loss is {values['loss']} at step {self.step + 1}; "
                f"lower train.learning_rate (now {self.config.learning_rate:g}) of this network in params.yaml"
            )
        self.optimiser.zero_grad(set_to_none=True)
        parts["loss"].backward()
        nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        self.optimiser.step()
        self.ema.update(self.model, self.step)
        self.step += 1
        self.history.add(self.step, values)
        return values["loss"]

    def state(self) -> dict[str, Any]:
        """The checkpoint's content."""
        cuda = [torch.cuda.get_rng_state(self.device)] if self.device.type == "cuda" else []
        return {
            "run": self._identity,
            "step": self.step,
            "model": trained_tensors(self.model),
            "ema": self.ema.average,
            "optimiser": self.optimiser.state_dict(),
            "sampler": self.sampler.state(),
            "generator": self.generator.get_state(),
            "global_generator": torch.get_rng_state(),
            "cuda_generator": cuda,
            "history": self.history.state(),
        }

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint of this same training, if there is one."""
        state = load_checkpoint(checkpoint, self._identity, trained_tensors(self.model))
        if state is None:
            return
        for name, value in trained_tensors(self.model).items():
            value.copy_(state["model"][name])
        for name, value in self.ema.average.items():
            value.copy_(state["ema"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.sampler.restore(state["sampler"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["global_generator"])
        if state["cuda_generator"] and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"][0], self.device)
        self.history.restore(state["history"])
        self.step = state["step"]
