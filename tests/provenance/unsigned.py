"""A film without its credentials: what the same command gives again, byte for byte."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # identifier of the box that holds credentials


def unsigned(path: Path) -> bytes:
    """The bytes of a file; of an MP4 or QuickTime file, without the box of its credentials."""
    data = path.read_bytes()
    if path.suffix not in (".mp4", ".mov"):
        return data
    return b"".join(box for box in boxes(data) if not is_credentials(box))


def boxes(data: bytes) -> Iterator[bytes]:
    """The outermost boxes of an MP4 or QuickTime file."""
    at = 0
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        if size == 1:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
        yield data[at : at + (size or len(data))]
        at += size or len(data)


def is_credentials(box: bytes) -> bool:
    """Whether a box holds Content Credentials."""
    return box[4:8] == b"uuid" and box[8:24] == _C2PA
