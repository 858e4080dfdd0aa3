"""What the test server serves, and a weight of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from difftalker.weights.table import Weight, WeightFile

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Server:
    """What is served, and what was asked for."""

    url: str = ""
    content: bytes = CONTENT
    cuts: list[int] = field(default_factory=list)  # each of the next answers breaks after so many bytes
    status: int = 200
    ranges: bool = True
    asked: list[int] = field(default_factory=list)  # first byte of each request


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def single(url: str | None, content: bytes = CONTENT, member: str | None = None) -> Weight:
    """A weight of one file with that content."""
    file = WeightFile("net.bin", url, sha256(content), None if member else len(content), member)
    return Weight("net", (file,), "none", "tests")
