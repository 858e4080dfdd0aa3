"""One training on several GPUs: a process for each, which share the passes of every optimiser step.

The command that trains is the first process. It starts its helpers by running its own command line again, so a stage
stays one command; the helpers do all that it does but write. The process group is accelerate's (NCCL, or gloo on the
CPU).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from difftalker.errors import UserError

_HELPER = "DIFFTALKER_HELPER"  # set in the environment of helpers only
_BUCKET = 2**24  # gradient values that are averaged in one message
_GRACE = 10.0  # seconds that the others get to end by themselves


@dataclass(frozen=True)
class Processes:
    """This process among those of one training."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """The process that writes checkpoints and results."""
        return self.rank == 0

    def passes(self, accumulate: int) -> range:
        """This process's passes of a step with `accumulate` passes."""
        return range(self.rank, accumulate, self.count)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes, in place."""
        if self.count == 1:
            return
        bucket: list[Tensor] = []
        for gradient in [p.grad for p in parameters if p.grad is not None]:
            if bucket and sum(one.numel() for one in bucket) + gradient.numel() > _BUCKET:
                _sum(bucket)
                bucket = []
            bucket.append(gradient)
        if bucket:
            _sum(bucket)

    def sum_values(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """Add up numbers of the same names over all processes."""
        if self.count == 1:
            return values
        vector = torch.tensor([values[name] for name in sorted(values)], dtype=torch.float64, device=device)
        distributed.all_reduce(vector)
        return dict(zip(sorted(values), vector.tolist(), strict=True))

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process: all stop at the same step."""
        return self.sum_values({"flag": float(flag)}, device)["flag"] > 0

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the first one's values."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)


SINGLE_PROCESS = Processes()


def usable_gpus(accumulate: int, device: torch.device) -> int:
    """How many of the visible GPUs can share the passes of a step evenly; says so if some are left idle."""
    present = torch.cuda.device_count() if device.type == "cuda" else 1
    count = next(n for n in range(min(present, accumulate), 0, -1) if accumulate % n == 0)
    if count < present:
        print(
            f"{present} GPUs are there and {count} used: accumulate = {accumulate} passes are shared; with a multiple "
            f"of {present} (and a smaller batch_size) all would be",
            file=sys.stderr,
        )
    return count


@contextmanager
def cooperate(count: int, device: torch.device) -> Iterator[Processes]:
    """Run the body in `count` processes. Only the first one leaves it; the helpers end there.

    Everything before and in the body must be the same in all processes: the helpers run this process's command line.

    Args:
        count: processes; 1 starts none.
        device: `cuda` gives each process a GPU of its own.

    Raises:
        UserError: a helper failed; with its last line.
    """
    if _HELPER in os.environ:
        _end_with_the_first()
        with _group(device) as processes:
            yield processes
        sys.exit(0)
    if count == 1:
        yield SINGLE_PROCESS
        return
    environment = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
    }
    if device.type == "cuda" and not _has_peer_access():
        environment |= {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}
    helpers = [_Helper(rank, environment) for rank in range(1, count)]
    before = dict(os.environ)
    os.environ.update(environment | {"RANK": "0", "LOCAL_RANK": "0"})
    try:
        watch = threading.Thread(target=_watch, args=(helpers,), daemon=True)
        watch.start()
        with _group(device) as processes:
            yield processes
    except RuntimeError:  # perhaps the connection to a helper broke
        reason = _reason(helpers)
        if reason is None:
            raise
        raise UserError(reason) from None
    finally:
        for helper in helpers:
            helper.end()
        os.environ.clear()
        os.environ.update(before)


class _Helper:
    def __init__(self, rank: int, environment: dict[str, str]) -> None:
        self.rank = rank
        self.is_ending = False
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self.process = subprocess.Popen(
            sys.orig_argv,
            env=os.environ | environment | {"RANK": str(rank), "LOCAL_RANK": str(rank), _HELPER: "1"},
            stdin=subprocess.PIPE,  # closes when this process ends, in whatever way
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
        )

    def has_failed(self) -> bool:
        return not self.is_ending and self.process.poll() not in (None, 0)

    def last_line(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].removeprefix("error: ") if lines else f"status {self.process.returncode}"

    def end(self) -> None:
        """Let it end by itself, or end it."""
        self.is_ending = True
        try:
            self.process.wait(_GRACE if sys.exc_info()[0] in (None, KeyboardInterrupt) else 1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


@contextmanager
def _group(device: torch.device) -> Iterator[Processes]:
    from accelerate import PartialState  # takes a second to import, which a training on one device need not wait for

    state = PartialState(cpu=device.type != "cuda")
    try:
        yield Processes(state.process_index, state.num_processes)
    finally:
        state.destroy_process_group()
        PartialState._reset_state()


def _sum(tensors: list[Tensor]) -> None:
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def _has_peer_access() -> bool:
    """Whether the GPUs can copy to each other directly: consumer cards of some series cannot, and NCCL must be told."""
    from accelerate.utils import check_cuda_p2p_ib_support

    return bool(check_cuda_p2p_ib_support())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _reason(helpers: list[_Helper]) -> str | None:
    """Why a helper failed, if one does within the grace."""
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline:
        for helper in helpers:
            if helper.has_failed():
                return f"process {helper.rank} of the training failed: {helper.last_line()}"
        time.sleep(0.1)
    return None


def _watch(helpers: list[_Helper]) -> None:
    """End this process when a helper has failed and the next message to it never returns, as NCCL's may not."""
    while not all(helper.is_ending for helper in helpers):
        if any(helper.has_failed() for helper in helpers):
            time.sleep(2 * _GRACE)
            if any(helper.has_failed() for helper in helpers):
                print(f"error: {_reason(helpers)}", file=sys.stderr, flush=True)
                os._exit(1)
        time.sleep(0.5)


def _end_with_the_first() -> None:
    def wait() -> None:
        os.read(0, 1)  # comes back when the first process is gone
        time.sleep(_GRACE)  # after a regular end there is nothing left to do here
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
