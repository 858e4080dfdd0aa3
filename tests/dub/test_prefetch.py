"""Streams that work beside each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from difftalker.dub.prefetch import prefetch


def test_streams_keep_order_and_errors() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise ValueError("broken")

    stream = prefetch(items(), 2)
    assert [next(stream), *(next(stream) for _ in range(4))] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="broken"):
        next(stream)
    endless = prefetch(iter(lambda: 1, 2), 2)
    assert next(endless) == 1
    endless.close()  # type: ignore[attr-defined]  # its thread ends
