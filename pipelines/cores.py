"""Cores for stages without networks.

Such a stage spreads its work over all cores that it may use, at a price: processes to start, pictures to send to them,
and parts that run on one core all the same. Where several stages can run side by side, as for several recordings, each
gets cores of its own instead, which wastes nothing. A stage alone gets all cores, and a second one beside it may fill
its serial parts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from difftalker.parallel import usable_cores
from pipelines.process import Stopped, stopping

_places = threading.Condition()
_taken: set[int] = set()


@contextmanager
def cpu_place(sharing: int, stop: Callable[[], bool]) -> Iterator[list[int] | None]:
    """Wait for one of this process's places for stages without networks, then hold it.

    Args:
        sharing: how many stages like this one there are to run side by side.
        stop: asked while waiting whether to give up.

    Yields:
        The numbers of the cores to use; None for all.

    Raises:
        Stopped: `stop` said so.
    """
    cores = usable_cores()
    parts = min(sharing, len(cores))
    with _places:
        while (place := next((i for i in range(max(2, parts)) if i not in _taken), None)) is None:
            if stopping() or stop():
                raise Stopped("stopped before it began")
            _places.wait(0.5)
        _taken.add(place)
    try:
        yield cores[place::parts] if parts > 1 else None
    finally:
        with _places:
            _taken.remove(place)
            _places.notify_all()
