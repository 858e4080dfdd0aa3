"""Ordered work in processes, with little waiting in memory."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

_MAIN_HIDDEN = threading.Lock()
CORES = "DIFFTALKER_CORES"  # environment variable: how many cores a process shall use, beside others


def worker_count(pieces: int) -> int:
    """Processes worth starting for so many pieces of work: at most one per core that this process may use."""
    return max(1, min(usable_cores(), pieces))


def usable_cores() -> int:
    """How many cores this process may use: those that the system lets it run on, or fewer where `CORES` says so."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get(CORES, "")
    return min(available, int(wanted)) if wanted.isdecimal() and int(wanted) else available


@contextmanager
def worker_processes(workers: int) -> Iterator[Executor | None]:
    """Worker processes for `map_ordered`; None for a single worker: the work is then done in this process.

    They are spawned, not forked: the parent may hold threads of torch and OpenCV. The caller's main module is not
    imported in them, so that a script needs no `if __name__ == "__main__"`, and input from a pipe may be one.
    """
    if workers == 1:
        yield None
        return
    pool = ProcessPoolExecutor(workers, mp_context=_WithoutMain(), initializer=_single_thread)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _SpawnedProcess(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _MAIN_HIDDEN:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                return SpawnProcess._Popen(process_obj)  # type: ignore[attr-defined]
            finally:
                sys.modules["__main__"] = main


class _WithoutMain(SpawnContext):
    """Spawned processes that know nothing of the main module: what they run is the library's."""

    Process = _SpawnedProcess  # type: ignore[assignment]


def _single_thread() -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)  # the processes themselves fill the cores
    torch.set_num_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one core here, as in a worker process: sums of several threads round otherwise."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def map_ordered(
    function: Callable[[Any], Any], pieces: Iterable[Any], executor: Executor | None, max_pending: int
) -> Iterator[Any]:
    """function(piece) for each piece, in order, with at most `max_pending` pieces under way."""
    if executor is None:
        yield from map(function, pieces)
        return
    waiting: deque[Future[Any]] = deque()
    for piece in pieces:
        waiting.append(executor.submit(function, piece))
        if len(waiting) >= max_pending:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
