"""Cores for stages without networks.

Such a stage spreads its work over all cores that it may use, at a price: processes to start, pictures to send to them,
and parts that run on one core all the same. Where several stages can run side by side, as for several recordings, each
gets its share of them instead, as a number: which ones is left to the system, so that none rests while two stages share
another. A stage alone gets all cores. Half as many stages again may run at the same time: they fill the others' waits
(start, disk, the time until DVC and Prefect start the next one).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from difftalker.compute.parallel import usable_cores
from pipelines.process import Stopped, stopping

_changed = threading.Condition()
_busy: list[int] = []  # for each stage that runs, how many cores it uses


@contextmanager
def cpu_place(sharing: int, stop: Callable[[], bool]) -> Iterator[int | None]:
    """Wait for one of this process's places for stages without networks, then hold it.

    Args:
        sharing: how many stages like this one there are to run side by side.
        stop: asked while waiting whether to give up.

    Yields:
        How many cores to use; None for all.

    Raises:
        Stopped: `stop` said so.
    """
    cores = usable_cores()
    parts = max(1, min(sharing, cores))
    share = cores // parts
    with _changed:
        while len(_busy) >= parts + (parts + 1) // 2:
            if stopping() or stop():
                raise Stopped("stopped before it began")
            _changed.wait(0.5)
        _busy.append(share)
    try:
        yield share if parts > 1 else None
    finally:
        with _changed:
            _busy.remove(share)
            _changed.notify_all()
