"""The one training loop of all networks: Adam, warm-up and cosine, clipping, EMA, checkpoints, resume."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from difftalker.compute.device import autocast, seeded
from difftalker.compute.interrupt import InterruptFlag
from difftalker.compute.memory import explain_out_of_memory, training_advice
from difftalker.config import TrainConfig
from difftalker.errors import UserError
from difftalker.training.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from difftalker.training.ema import Ema, trained_tensors
from difftalker.training.processes import SINGLE_PROCESS, Processes
from difftalker.training.progress import LossHistory, TrainingProgress
from difftalker.training.sampler import BatchSampler

LossFunction = Callable[[Tensor, torch.Generator], Tensor | dict[str, Tensor]]


class TrainingOptions(TypedDict):
    """What the training of every network is given, beside its data and configuration.

    Attributes:
        seed: decides initial weights, shuffling and all draws.
        device: where to train.
        checkpoint, processes: see `train`.
    """

    seed: int
    device: torch.device
    checkpoint: Path | None
    processes: NotRequired[Processes]


def learning_rate(step: int, config: TrainConfig) -> float:
    """Rate of step `step` (from 0): linear warm-up, then a cosine to zero at the last step."""
    warm = min(config.warmup_steps, config.steps)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / (config.steps - warm)))


def train(
    model: nn.Module,
    loss: LossFunction,
    *,
    items: int,
    config: TrainConfig,
    seed: int,
    device: torch.device,
    checkpoint: Path | None,
    title: str,
    processes: Processes = SINGLE_PROCESS,
) -> LossHistory:
    """Train the parameters of `model` that require gradients.

    Afterwards the model holds the averaged (EMA) weights, on `device`, in eval mode. The loss is computed in bfloat16
    autocast on CUDA; on a CPU only where it says so itself (`convolution_autocast`). On the CPU, a training that was
    interrupted and resumed ends in the same weights, bit for bit, as one that was not. The number of processes changes
    the order of sums alone.

    Args:
        model: network, moved to `device` and put in train mode (frozen parts that must stay in eval mode override
            `train`). Where it has a method `parameter_groups`, the optimiser takes its groups, clips each by itself
            and multiplies the learning rate by a group's `rate`.
        loss: gives the loss of a batch: called with item indices (batch,) int64 and the generator for all of its own
            random draws, both on the CPU. A scalar, or a dict of scalars with the key `loss` and parts to log.
        items: number of items that the indices run over.
        config: steps, batch size, rate and so on.
        seed: decides shuffling, the loss's generator and the global generators (dropout).
        device: where to train.
        checkpoint: file to save to every `config.checkpoint_every` steps and to go on from; removed at the end. None
            saves nothing.
        title: what is trained, for messages.
        processes: this process among those that train together; only the first writes checkpoints.

    Returns:
        Losses per logging interval.

    Raises:
        UserError: the loss is not finite, or memory is not enough.
        KeyboardInterrupt: Ctrl-C or SIGTERM came between two steps; the checkpoint is saved.
    """
    with explain_out_of_memory(training_advice(title, config)), seeded(seed), InterruptFlag() as interrupt:
        model.to(device).train()
        _prepare(model, config, title)
        run = _Run(model, items, config, seed, device, processes)
        if checkpoint is not None:
            run.resume(checkpoint)
        progress = TrainingProgress(title, run.step, config.steps)
        try:
            while run.step < config.steps:
                value = run.advance(loss, title)
                progress.update(run.step, value)
                stop = processes.any(interrupt.raised, device)
                due = run.step % config.checkpoint_every == 0 and run.step < config.steps
                if checkpoint is not None and processes.is_first and (due or stop):
                    save_checkpoint(checkpoint, run.state())
                if stop:
                    raise KeyboardInterrupt
        finally:
            progress.close()
    run.ema.copy_to(model)
    model.eval()
    if checkpoint is not None and processes.is_first:
        remove_checkpoint(checkpoint)
    return run.history


def _prepare(model: nn.Module, config: TrainConfig, title: str) -> None:
    """Switch on what saves memory and time, where the configuration asks for it."""
    if config.gradient_checkpointing:
        enable: Any = getattr(type(model), "enable_gradient_checkpointing", None)
        if enable is None:
            raise UserError(
                f"{title}.train.gradient_checkpointing = true: this network is too small for it; set it to false"
            )
        enable(model)
    if config.compile:
        model.compile()


class _Run:
    """All that changes from step to step."""

    def __init__(
        self,
        model: nn.Module,
        items: int,
        config: TrainConfig,
        seed: int,
        device: torch.device,
        processes: Processes,
    ) -> None:
        self.model, self.config, self.device, self.processes = model, config, device, processes
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        grouped: Any = getattr(model, "parameter_groups", None)
        groups = grouped() if grouped is not None else [{"params": self.parameters}]
        self.optimiser = torch.optim.Adam(groups, lr=config.learning_rate, fused=True)
        self.ema = Ema(model, config.ema_decay)
        self.sampler = BatchSampler(items, config.batch_size * config.accumulate, seed)
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed + 1)
        processes.copy_from_first(trained_tensors(model).values())
        self.history = LossHistory(config.steps)
        self.step = 0
        self._identity = {"config": dataclasses.asdict(config), "items": items, "seed": seed}

    def advance(self, loss: LossFunction, title: str) -> float:
        """One optimiser step; returns its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.config) * group.get("rate", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        passes = self.config.accumulate
        batches = self.sampler.next().split(self.config.batch_size)
        sums: dict[str, Tensor] = {}
        for number in self.processes.passes(passes):
            with autocast(self.device):
                result = loss(batches[number], self._generator_of(number))
            parts = result if isinstance(result, dict) else {"loss": result}
            for name, part in parts.items():
                sums[name] = sums[name] + part.detach() if name in sums else part.detach()
            (parts["loss"] / passes).backward()
        totals = self.processes.sum_values({name: float(total) for name, total in sums.items()}, self.device)
        values = {name: total / passes for name, total in totals.items()}
        if not math.isfinite(values["loss"]):
            raise UserError(
                f"{title}: the loss is {values['loss']} at step {self.step + 1}; "
                f"lower train.learning_rate (now {self.config.learning_rate:g}) of this network in params.yaml"
            )
        self.processes.sum_gradients(self.parameters)
        for group in self.optimiser.param_groups:
            nn.utils.clip_grad_norm_(group["params"], self.config.clip_norm)
        self.optimiser.step()
        self.ema.update(self.step)
        self.step += 1
        self.history.add(self.step, values)
        return values["loss"]

    def _generator_of(self, number: int) -> torch.Generator:
        """The draws of a pass: the first pass goes on with one generator, others have theirs from step and number.

        So a pass draws the same in whatever process it runs, and the first process's checkpoint knows all draws.
        """
        if number == 0:
            return self.generator
        words = np.random.SeedSequence([self.seed, self.step, number]).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))

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
